export const usage = `npm run preview -- --stack NAME [options]

Says in words what \`pulumi up\` would do to the realm's keys, the instances and the users. Changes nothing, neither in
Keycloak nor on an instance. Exit code: 0 a sound change or none, 1 an up would be refused, or nobody could tell.

  --stack NAME         the stack
  --markdown FILE      also writes a pull request's comment, of 64,000 characters at most
  --json FILE          also writes the summary for machines
  --config-file FILE   the stack's config file (Pulumi.NAME.yaml)
  --help               this text`;
