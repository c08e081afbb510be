/** Stub being replaced. */
import { DEFLATE_POSITION, OUTPUT } from "./compression-memory";
export function deflateInit(block: usize, windowBits: i32, level: i32, hashBits: i32, capacity: i32): i32 {
  return 0;
}
export function deflateReset(block: usize): void {}
export function deflateSlide(block: usize): void {}
export function deflateSkip(block: usize, length: i32): void {}
export function deflateDrop(block: usize, length: i32): void {}
export function deflate(block: usize, length: i32, flush: i32): i32 {
  return 0;
}
export function deflateLength(windowBits: i32, level: i32, hashBits: i32, capacity: i32): i32 { return 0; }
