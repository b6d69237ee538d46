/**
 * What the picture takes and tells.  Types only.
 *
 * @typedef {import('../model/types.js').Ref} Ref
 * @typedef {import('../model/types.js').Model} Model
 * @typedef {import('../model/types.js').Comparison} Comparison
 * @typedef {import('../model/types.js').Card} Card
 *
 * @typedef {'TB' | 'LR'} Direction
 *
 * @typedef {object} GraphHandlers
 * @property {(ref: Ref | null) => void} [onSelect]
 * @property {(ref: Ref | null) => void} [onHover]
 * @property {(what: {kind: 'detach' | 'no_grad', card: Card}) => void} [onIntervene]
 *
 * @typedef {object} Graph
 * @property {(model: Model, options?: {compare?: Comparison | null, keepPositions?: boolean, step?: number}) => Promise<void>} setModel
 *   Resolves when the picture is laid out; a newer call makes an older one resolve early.
 * @property {(step: number, options?: {animate?: boolean, duration?: number}) => void} setStep
 * @property {(ref: Ref | null) => void} select
 * @property {(ref: Ref | null) => void} hover
 * @property {(direction: Direction) => void} setDirection
 * @property {() => void} fit
 * @property {() => void} zoomIn
 * @property {() => void} zoomOut
 * @property {(open: boolean) => Promise<void>} setExpanded  All groups open, or closed again.
 * @property {(ref: Ref) => void} reveal  Open what hides it and bring it into view.
 * @property {() => string} exportSVG  The whole picture, standalone.
 * @property {() => void} destroy
 */

export {};
