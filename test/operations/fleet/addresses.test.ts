import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { unclearAddresses } from "#operations/fleet/addresses";

const names: Record<string, string[]> = {
  "one.example": ["192.0.2.1"],
  "other.example": ["192.0.2.1"],
  "many.example": ["192.0.2.7", "192.0.2.8", "2001:db8::7"],
  localhost: ["::1", "127.0.0.1"],
};

/** As the table has it; any other name is not found. */
async function find(host: string): Promise<string[]> {
  const found = names[host];
  if (!found) throw new Error("ENOTFOUND");
  return found;
}

suite("unclearAddresses", () => {
  for (const [title, urls, expected] of [
    ["a name with one address", ["http://one.example:8080"], []],
    ["an address", ["http://192.0.2.1:8080", "http://[2001:db8::1]:8080"], []],
    ["the machine itself, by either kind of address", ["http://localhost:8080"], []],
    ["a name that is not found", ["http://none.example"], []],
    ["one address with two ports", ["http://one.example:8080", "http://one.example:8081"], []],
    ["one address with two paths", ["http://one.example/a", "http://other.example/b"], []],
    [
      "a name with several addresses",
      ["http://many.example"],
      [/^api-1: the name many.example has 3 addresses \(192.0.2.7, 192.0.2.8, 2001:db8::7\)/],
    ],
    [
      "two names of one address",
      ["http://one.example:8080", "http://other.example:8080"],
      [/^api-1, api-2 have one address/],
    ],
    [
      "a name and its address",
      ["https://one.example", "https://192.0.2.1"],
      [/^api-1, api-2 have one address/],
    ],
  ] as const) {
    test(`${title}: ${expected.length === 0 ? "clear" : "named"}`, async () => {
      const instances = urls.map((url, index) => ({ name: `api-${index + 1}`, url }));
      const unclear = await unclearAddresses(instances, find);
      assert.equal(unclear.length, expected.length, unclear.join("; "));
      for (const [index, pattern] of expected.entries()) assert.match(unclear[index] ?? "", pattern);
    });
  }
});
