import { z } from "zod";
import { redactor } from "../base/redact.ts";
import { printable } from "../base/report.ts";

const problem = z.looseObject({
  field: z.string().nullish(),
  errorMessage: z.string().nullish(),
  params: z.array(z.unknown()).nullish(),
});
const refusal = problem.extend({
  errors: z.array(problem).nullish(),
  error: z.string().nullish(),
  error_description: z.string().nullish(),
});
type Problem = z.infer<typeof problem>;

const maxLength = 300;
const withoutTokens = redactor([]);

/**
 * Why Keycloak says that it refuses a request, as a phrase; empty where it does not say. Only the fields that hold
 * a reason are read: the rest of an answer may quote what was sent.
 */
export function refusalReason(body: string): string {
  const { data } = refusal.safeParse(parsed(body));
  if (!data) return "";
  const problems = (data.errors ?? [data]).map(describeProblem).filter((one) => one !== "");
  const phrases = problems.length > 0 ? problems : [data.error, data.error_description].filter(Boolean);
  const text = printable(withoutTokens(phrases.join(problems.length > 0 ? "; " : ": ")));
  return text.length > maxLength ? `${text.slice(0, maxLength)} …` : text;
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** Its parameters name the field and the limits that were broken: `error-invalid-length: username, 3, 255`. */
function describeProblem({ field, errorMessage, params }: Problem): string {
  if (!errorMessage) return "";
  const plain = (params ?? []).filter((one) => typeof one === "string" || typeof one === "number");
  if (plain.length > 0) return `${errorMessage}: ${plain.join(", ")}`;
  return field ? `${field} ${errorMessage}` : errorMessage;
}
