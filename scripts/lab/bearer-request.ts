import { type Dispatcher, request } from "undici";

const timeoutMs = 10_000;

/**
 * The status of a GET with a bearer token; undefined where no answer came within ten seconds.
 *
 * @param dispatcher how the URL is reached. Default: directly
 */
export async function statusOfGet(
  url: string,
  token: string,
  dispatcher?: Dispatcher,
): Promise<number | undefined> {
  try {
    const { statusCode, body } = await request(url, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(timeoutMs),
      ...(dispatcher ? { dispatcher } : {}),
    });
    await body.dump();
    return statusCode;
  } catch {
    return undefined;
  }
}
