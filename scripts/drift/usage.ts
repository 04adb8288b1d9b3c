export const usage = `npm run drift -- --stack NAME [options]

Compares what the last up has left with Keycloak, every JWKS URL, every instance and the Secrets of the API refresh token, and
says of each difference what it means and what mends it. Changes nothing. Exit code: 0 clean, 2 drift, 1 could not tell.

  --stack NAME         the stack
  --json FILE          also writes the report for machines
  --markdown FILE      also writes the text of an issue
  --config-file FILE   the stack's config file (Pulumi.NAME.yaml)
  --help               this text`;
