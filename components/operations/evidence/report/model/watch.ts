import { many } from "../../../base/many.ts";
import { describeRelapses, isRelapsed, watchedSeconds } from "../../../proof/relapse.ts";
import { describeSpread } from "../../../proof/spread.ts";
import type { Evidence } from "../../evidence-schema.ts";
import { failureList, sentence, table } from "./blocks.ts";
import type { Block, Text } from "./report.ts";
import { name, nameOf, time } from "./text.ts";

type Watch = NonNullable<Evidence["watch"]>;

/** What happened when everybody was asked again after the proof. */
export function watchBlocks({ watch }: Evidence): Block[] {
  if (!watch) return [];
  return [
    ...failureList(describeRelapses(watch)),
    sentence(course(watch)),
    ...table(
      "Processes that accepted a retired key again",
      ["Instance", "Process", "Kid", "Accepted", "At"],
      watch.relapses.map((one) => [
        name(nameOf(one)),
        one.process ?? "",
        one.kid,
        one.spread ? describeSpread(one.spread, "accepted") : "yes",
        time(one.at),
      ]),
    ),
    ...table(
      "JWKS URLs that showed a retired key again",
      ["URL", "Kids", "Shown in", "At"],
      watch.jwks.map((one) => [
        one.url,
        one.kids.join(", "),
        `${one.shownIn} of ${one.reads} reads`,
        time(one.at),
      ]),
    ),
    ...table(
      "No answer in the watch",
      ["From", "Times", "Last reason"],
      watch.unanswered.map((one) => [name(one.from), String(one.count), one.reason]),
    ),
  ];
}

/** From when to when, how often, and how it ended. */
function course(watch: Watch): Text {
  const { startedAt, finishedAt, seconds, rounds, instances, urls } = watch;
  const lasted = watchedSeconds(watch);
  const asked = `, every instance and JWKS URL was asked again: ${many(rounds, "round")}, ${many(instances, "instance")}, ${many(urls.length, "URL")}. `;
  return ["From ", ...time(startedAt), " to ", ...time(finishedAt), asked, ending()];

  function ending(): Text[number] {
    if (isRelapsed(watch)) return { kind: "bad", text: `A retired key came back after ${lasted} s.` };
    if (watch.cutShort)
      return `The watch was cut short after ${lasted} of ${seconds} s; no retired key came back until then.`;
    return { kind: "good", text: `No retired key came back in ${lasted} s.` };
  }
}
