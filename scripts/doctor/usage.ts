export const usage = `npm run doctor -- --stack NAME [options]

Before the night: does everything that an emergency will need, on the real systems, and changes no key. Logs in to Keycloak
and to the clusters, mints tokens, reads every JWKS URL, asks each instance about a good, a forged and an expired token, has
it refresh its keys, and tries freeze and deny-list where the config uses them (undone at once). Not during an emergency.
Exit code: 0 an emergency would end green, 1 it would not, or that could not be shown, 2 the check could not run.

  --stack NAME         the stack
  --json FILE          also writes the report as JSON, with every instance
  --config-file FILE   the stack's config file (Pulumi.NAME.yaml)
  --help               this text`;
