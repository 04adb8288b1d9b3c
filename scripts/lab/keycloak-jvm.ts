/**
 * The environment of Keycloak's JVM: little memory, and the collector with the least to set up.
 *
 * @param temporary directory for all that the JVM leaves behind when it is killed
 * @param isShortLived use the first compiler only: the start costs 8 seconds of processor time less, and each RSA key
 *   half a second more, so it pays for up to ten realms
 */
export function jvmEnvironment(temporary: string, isShortLived: boolean): NodeJS.ProcessEnv {
  const options = [
    ...(isShortLived ? ["-XX:TieredStopAtLevel=1"] : []),
    // kc.sh chooses G1 itself; two collectors at once are refused.
    "-XX:-UseG1GC",
    "-XX:+UseSerialGC",
    "-XX:-UsePerfData",
    `-Djava.io.tmpdir=${temporary}`,
  ];
  const heap = isShortLived ? "-Xms256m -Xmx640m" : "-Xms512m -Xmx1g";
  return { JAVA_OPTS_KC_HEAP: heap, JAVA_OPTS_APPEND: options.join(" ") };
}
