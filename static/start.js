/**
 * What the page begins with: the address, else the draft of last time, else
 * the opening lesson.
 */
import { Problem, fetchLessons } from './api.js';
import { readDraft } from './storage.js';
import { toast } from './toast.js';
import { fromHash } from './url.js';

/**
 * @typedef {import('./state.js').State} State
 * @typedef {import('./state.js').Lesson} Lesson
 */

/** Used when the lessons can't be fetched. */
const FALLBACK = `x = torch.randn(3, requires_grad=True)
y = x + 2
a = y*y*3
b = a.mean()
b.backward()
print(x.grad)
`;

/** @returns {Promise<{lessons: Lesson[], problem: Problem | null}>} */
export async function loadLessons() {
  try {
    return { lessons: await fetchLessons(), problem: null };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { lessons: [], problem: error };
  }
}

/**
 * A whole program from what an address says.
 * @param {Partial<State>} patch @param {Lesson[]} lessons @returns {Partial<State>}
 */
export function programFrom(patch, lessons) {
  const lesson = lessons.find((one) => one.id === patch.lesson);
  return {
    seed: 0, inputs: {}, gradient: null, interventions: [], selection: null, hover: null, view: 'after',
    ...patch,
    lesson: lesson?.id ?? null,
    code: patch.code ?? lesson?.code ?? '',
  };
}

/** @param {Lesson[]} lessons @param {boolean} drafts @returns {Promise<Partial<State>>} */
export async function firstState(lessons, drafts) {
  const opening = lessons.find((one) => one.opening) ?? lessons[0];
  const fresh = programFrom(opening ? { lesson: opening.id } : { code: FALLBACK }, lessons);
  if (location.hash.length > 1) {
    try {
      const patch = await fromHash(location.hash);
      if (patch.code !== undefined || lessons.some((one) => one.id === patch.lesson)) return programFrom(patch, lessons);
      if (patch.lesson && lessons.length > 0) toast('The link names a lesson that is not here');
    } catch {
      toast('The link is damaged: here is the first lesson instead');
      return fresh;
    }
  }
  const draft = drafts ? readDraft() : null;
  if (!draft) return fresh;
  const { saved: _, ...patch } = draft;
  return programFrom(patch, lessons);
}
