import { homedir } from "node:os";
import { join } from "node:path";

/** Where downloads are kept between runs: the user's cache directory (XDG Base Directory Specification). */
export function cacheDir(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "jwks-break-glass");
}
