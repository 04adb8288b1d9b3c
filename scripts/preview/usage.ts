export const usage = `npm run preview -- --stack NAME [options]

Explains what \`pulumi up\` would do to the realm's keys, the instances and the users. Changes nothing, neither in
Keycloak nor on an instance. Exit code: 0 the update can run or has nothing to do, 1 it would be refused, or the check failed.

  --stack NAME         the stack
  --markdown FILE      also writes the text of a comment for the pull request, 64,000 characters at most
  --json FILE          also writes the summary as JSON
  --config-file FILE   the stack's config file (Pulumi.NAME.yaml)
  --help               this text`;
