import type { PermissionOf } from "../servers/localNetwork.ts";

/** Asks this worker's browser. */
export const permissionOf: PermissionOf = async (name) => {
  try {
    return (await navigator.permissions.query({ name: name as PermissionName })).state;
  } catch {
    return undefined;
  }
};
