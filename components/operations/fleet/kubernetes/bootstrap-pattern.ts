/** What the key set is called. */
const subject = String.raw`(?:jwks|jwk[ -]?sets?\b|json[ -]web[ -]key[ -]?sets?\b)`;

/** Says by itself that the set is there, wherever it stands in the line. */
const fetched = String.raw`\b(?:re)?(?:loaded|fetched|retrieved|downloaded|refreshed|populated|obtained|primed)\b`;

/** Says so only next to the set: a client or a resolver for it is ready before it has fetched anything. */
const ready = String.raw`(?:initiali[sz]ed|bootstrapped|ready|ok|complete[d]?|succeeded|success(?:ful(?:ly)?)?|done)\b`;
const activity =
  "(?:[ _-]?(?:cache|keys|bootstrap(?:ping)?|fetch(?:ing)?|load(?:ing)?|refresh|initiali[sz]ation|warm-?up))*";
const readyNext = String.raw`${subject}${activity}"?[:=,]?\s+(?:is |was |has been |now |"?status"?[:=] ?"?)*${ready}`;
const readyBefore = String.raw`\b(?:initiali[sz]ed|bootstrapped)\s+(?:the )?${subject}(?![ _-]?(?:ur[il]|client|endpoint|resolver|provider|source))`;

/** Turns a line of success into one of failure, or into one about the future. */
const failure = [
  String.raw`\bfail`,
  // Structured logs have such a field in lines of success too.
  String.raw`(?<!\bno |\b0 |without )\berr(?:or)?s?\b(?!"?\s*[:=]\s*(?:0|null|nil|none|false|""))`,
  String.raw`\b(?:un(?:able|reachable|available|successful(?:ly)?)|not|never|no jwks?|refused|denied|invalid|exception|cannot)\b`,
  String.raw`(?:ca|could|did|does|has|is|was)n['’]?t\b`,
  String.raw`\btim(?:ed|e)[ -]?out\b`,
  String.raw`\b(?:retry|retrying|will|would|to be|stale|expired)\b`,
  String.raw`\b(?:ready|loaded|fetched|initiali[sz]ed|ok|success)"?\s*[:=]\s*"?(?:false|no|0)\b`,
  String.raw`\b(?:0|no|zero) (?:signing )?keys?\b`,
  String.raw`\b(?:keys?|kids)"?\s*[:=]\s*(?:0\b|\[\s*\])`,
].join("|");

/**
 * What a start-up log must show by default: the source of a regular expression that is matched against each line,
 * case-insensitively. It matches a line that names the key set (JWKS, JWK set, JSON Web Key Set) and says that it was
 * loaded, fetched, retrieved, refreshed, initialised or bootstrapped, or that it is ready: `JWKS bootstrap ok
 * kids=["k8"]`, `Loaded 2 keys from JWKS https://…`, `JSON Web Key Set initialised`. It matches no line that
 * reports a failure, an empty set, or something in the future: a bootstrap that is missed costs a look at the log, one
 * that is wrongly believed costs the proof.
 */
export const defaultBootstrapPattern = `^(?!.*(?:${failure}))(?:(?=.*${subject}).*${fetched}|.*${readyNext}|.*${readyBefore})`;
