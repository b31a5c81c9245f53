import type {
  AnyHeaders,
  CustomerReturned,
  Done,
  FlexEligibility,
  Lost,
  NotSent,
  Reply,
  Request,
  Restored,
  Reviewed,
  RevupOrderId,
  RevupToken,
  RevupTransactionId,
  Verdict,
  Violation,
} from './shapes.cjs';

/** The fields of a command, which its builder takes. */
export type Fields<Command extends { type: string }> = Omit<Command, 'type' | 'flow'>;

/** A request that a question leads to, or the rules that it would break. */
export type CheckedRequest = { request: Request; warnings: Violation[] } | { violations: Violation[] };

/** One line of a cart, for `flex.assess`. */
export interface FlexLine {
  /** The price of one, in cents. */
  unit_amount: number;
  quantity: number;
  price_eligibility?: FlexEligibility | null;
  product_eligibility?: FlexEligibility | null;
}

/** What an HSA or FSA card can pay for. */
export interface FlexAssessment {
  /** In cents. */
  subtotal: number;
  /** In cents. */
  eligible_subtotal: number;
  hsa_fsa_eligible: boolean;
  letter_of_medical_necessity_required: boolean;
  split_cart: boolean;
}

/** The contents of the callback of a payment. */
export interface RevupCallback {
  /** The status of the transaction, in Revup's own word. */
  status: string;
  /** Whether the payment is still open. */
  open: boolean;
  /** What creates a subscription on the token of the payment. */
  parent?: { tokenId: RevupToken; parentTransactionId: RevupTransactionId; parentOrderId: RevupOrderId };
}

/** Builders of facts: what a worker, a person or a page reports to `observe`. A webhook's fact is made by `readWebhook`. */
export const facts: {
  /** The provider replied to a request. Copy `sending` from the request. */
  reply(
    effect: string,
    fields: { http_status: number; sending?: number | null; headers?: AnyHeaders; body?: string | Uint8Array },
  ): Reply;
  /** A worker sent a request, or may have sent it, and got no reply; or it did not do any other effect. */
  lost(effect: string, fields?: { sending?: number | null }): Lost;
  /** A worker knows that it wrote no byte of a request. */
  notSent(effect: string, fields?: { sending?: number | null }): NotSent;
  /** A worker did an effect that is neither a request nor a review. */
  done(effect: string): Done;
  /** A person answered a review. `id` is the provider's id, if the verdict needs one. */
  reviewed(effect: string, verdict: Verdict, id?: string | null): Reviewed;
  /** The customer's browser returned. This proves nothing. */
  customerReturned(): CustomerReturned;
  /** You restored the row from a backup that was taken at this time: a `Date`, or milliseconds since 1970. */
  restored(takenAt: Date | number): Restored;
};
