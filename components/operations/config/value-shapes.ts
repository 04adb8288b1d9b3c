import { z } from "zod";
import { isHttpUrl, trimSlash } from "../keycloak/connection.ts";

export const httpUrl = z.string().refine(isHttpUrl, "is not an http(s) URL without credentials");

export const baseUrl = httpUrl.transform(trimSlash);

export const path = z.string().regex(/^\/\S*$/, "is not a path that starts with /");

export const accepted = z.int().min(200, "is not a 2xx status").max(299, "is not a 2xx status");

/** Any other status, such as a redirect or a 5xx, is not a verdict and must never count as a rejection. */
export const rejected = z.literal([401, 403], "is not 401 or 403");

export const seconds = (initial: number) => z.number().positive().max(600).default(initial);

export const flag = z
  .enum(["true", "false"], "is neither true nor false")
  .default("false")
  .transform((text) => text === "true");

export const names = z.array(z.string().min(1)).default([]);
