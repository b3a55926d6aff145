import type { Registry } from '../../registry/registry.ts'

/** What the pages are made from. */
export type WebDoor = { readonly registry: Registry }
