import { isObject, type PropertyMap } from "../../property-values.ts";
import { mapAt } from "./secret-inputs.ts";

/** The manager of objects that were created, not applied. */
export const CREATOR = "pulumi-kubernetes";

// Prefixes: kubectl's managers are called `kubectl-edit`, `kubectl-patch` and so on.
const TAKEN_OVER = [
  { prefix: "kubectl", operations: ["Apply", "Update"] },
  { prefix: "before-first-apply", operations: ["Update"] },
  { prefix: CREATOR, operations: ["Update"] },
  { prefix: "pulumi-resource-kubernetes", operations: ["Update"] },
];

function entriesOf(live: PropertyMap): PropertyMap[] {
  const { managedFields } = mapAt(live, "metadata");
  return Array.isArray(managedFields) ? managedFields.filter(isObject) : [];
}

function isTakenOver({ manager, operation, subresource }: PropertyMap): boolean {
  return TAKEN_OVER.some(
    ({ prefix, operations }) =>
      String(manager).startsWith(prefix) && operations.includes(String(operation)) && !subresource,
  );
}

function union(left: PropertyMap, right: PropertyMap): PropertyMap {
  const merged = Object.entries(right).map(([key, value]) => {
    const other = left[key];
    return [key, other !== undefined && isObject(other) && isObject(value) ? union(other, value) : value];
  });
  return { ...left, ...Object.fromEntries(merged) };
}

/**
 * The managed fields of an object once a manager has taken over what was created by us, or changed with kubectl, so that
 * an apply of the same fields is no conflict. Undefined: there is nothing to take over.
 */
export function takenOver(live: PropertyMap, fieldManager: string): PropertyMap[] | undefined {
  const entries = entriesOf(live);
  const isOurs = ({ manager, operation }: PropertyMap) => manager === fieldManager && operation === "Apply";
  const theirs = entries.filter((entry) => !isOurs(entry) && isTakenOver(entry));
  const [first] = theirs;
  if (first === undefined) return undefined;
  const ours = entries.find(isOurs) ?? { ...first, manager: fieldManager, operation: "Apply", fieldsV1: {} };
  const fieldsV1 = theirs.reduce(
    (fields, entry) => union(fields, mapAt(entry, "fieldsV1")),
    mapAt(ours, "fieldsV1"),
  );
  const others = entries.filter((entry) => !isOurs(entry) && !theirs.includes(entry));
  return [...others, { ...ours, fieldsV1 }];
}

/** True where the object's fields would be taken over before an apply: a preview, which can't do that, must force. */
export function isCreatedByUs(live: PropertyMap): boolean {
  return entriesOf(live).some(
    ({ manager, operation }) =>
      operation === "Update" && [CREATOR, "pulumi-resource-kubernetes"].includes(String(manager)),
  );
}

/** True for an object that knows no managers at all: everything in it may be taken. */
export function hasNoManagers(live: PropertyMap): boolean {
  return entriesOf(live).length === 0;
}
