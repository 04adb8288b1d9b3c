/**
 * Environment that makes Keycloak's JVM start quickly instead of running fast for long: the first compiler
 * only, and the collector with the least to set up.
 */
export function quickStart(): NodeJS.ProcessEnv {
  return {
    JAVA_OPTS_KC_HEAP: "-Xms256m -Xmx640m",
    // kc.sh chooses G1 itself; two collectors at once are refused.
    JAVA_OPTS_APPEND: "-XX:TieredStopAtLevel=1 -XX:-UseG1GC -XX:+UseSerialGC",
  };
}
