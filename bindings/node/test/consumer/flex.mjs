// Flex's API on one subscription, as its documents show it.

export const settings = { prices: { fprice_1: { unit_amount: 4999, recurring: { interval: 'monthly' } } } };
export const session = {
  checkout_session_id: 'fcs_1', status: 'open', mode: 'subscription', amount_total: 4999, amount_subtotal: 4999,
  total_details: { amount_discount: 0, amount_tax: null, amount_shipping: null }, created_at: 1_700_000_000,
  expires_at: 1_700_003_600, redirect_url: 'https://pay.example/c/fcs_1', capture_method: 'automatic',
  client_reference_id: '00000000-0000-4000-9000-010000000007', hsa_fsa_eligible: true,
  letter_of_medical_necessity_required: true, customer: null, subscription: null, invoice: null, test_mode: false,
};
const period = { start: '2023-11-14T22:13:20.000000Z', end: '2023-12-14T22:13:20.000000Z' };
export const INVOICE = {
  invoice_id: 'fin_1', total: 4999, amount_due: 4999, amount_paid: 4999, customer: 'fcus_1', period_start: period.start,
  period_end: period.end, subscription: 'fsub_1', status: 'paid', collection_method: 'charge_automatically',
  created_at: period.start, test_mode: false,
};
export const SUBSCRIPTION = {
  subscription_id: 'fsub_1', created_at: period.start, customer: 'fcus_1', status: 'active', cancel_at_period_end: false,
  cancel_at: null, current_period_start: period.start, current_period_end: period.end, trial_start: null, trial_end: null,
  test_mode: false,
};
