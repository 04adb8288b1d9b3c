export const usage = `npm run drift -- --stack NAME [options]

Compares the state after the last update with Keycloak, every JWKS URL, every instance and the Secrets of the API refresh
token, and says for each difference what it means and what fixes it. Changes nothing.
Exit code: 0 clean, 2 drift, 1 no drift found, but not everything could be checked.

  --stack NAME         the stack
  --json FILE          also writes the report as JSON
  --markdown FILE      also writes the text of an issue
  --config-file FILE   the stack's config file (Pulumi.NAME.yaml)
  --help               this text`;
