/**
 * Stands in for ../storage.js in the standalone page: it begins with the code
 * that was saved, and leaves the drafts of the studio alone.
 */
import { saved } from './data.js';

export * from '../storage.js';

/** @returns {import('../storage.js').Draft} */
export const readDraft = () => ({ code: saved.code, saved: 0 });

/** @param {import('../storage.js').Draft | null} _draft */
export function writeDraft(_draft) {}
