/**
 * Environment that makes Keycloak's JVM start quickly instead of running fast for long: the first compiler
 * only, and the collector with the least to set up.
 *
 * @param temporary directory for all that the JVM leaves behind when it is killed
 */
export function quickStart(temporary: string): NodeJS.ProcessEnv {
  const options = [
    "-XX:TieredStopAtLevel=1",
    // kc.sh chooses G1 itself; two collectors at once are refused.
    "-XX:-UseG1GC",
    "-XX:+UseSerialGC",
    "-XX:-UsePerfData",
    `-Djava.io.tmpdir=${temporary}`,
  ];
  return { JAVA_OPTS_KC_HEAP: "-Xms256m -Xmx640m", JAVA_OPTS_APPEND: options.join(" ") };
}
