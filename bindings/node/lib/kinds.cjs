'use strict';

// What a value is, from whichever realm, with nothing that only Node has: WebAssembly runs these modules elsewhere, too.

/** Where Node and its like look for a value's own way to be printed. */
const inspect = Symbol.for('nodejs.util.inspect.custom');

const typedArray = Object.getPrototypeOf(Uint8Array.prototype);
const { get: typedArrayName } = Object.getOwnPropertyDescriptor(typedArray, Symbol.toStringTag);
const sharedLength = globalThis.SharedArrayBuffer
  && Object.getOwnPropertyDescriptor(SharedArrayBuffer.prototype, 'byteLength').get;

/** Whether it is a `Date`. */
function isDate(value) {
  return typeof value === 'object' && value !== null && succeeds(() => Date.prototype.getTime.call(value));
}

/** Whether it is a `Uint8Array`, such as a `Buffer`. */
function isUint8Array(value) {
  return typedArrayName.call(value) === 'Uint8Array';
}

/** Whether other threads can change it. */
function isSharedArrayBuffer(buffer) {
  return sharedLength !== undefined && succeeds(() => sharedLength.call(buffer));
}

function succeeds(run) {
  try {
    run();
    return true;
  } catch {
    return false;
  }
}

module.exports = { inspect, isDate, isSharedArrayBuffer, isUint8Array };
