/**
 * Element Plus components whose published types do not survive our strict settings (their props come out as the
 * declarations of the props). Handed on without types, under the names that templates use.
 */
import { ElConfigProvider as Provider, ElOption as Option, ElSelect as Select } from "element-plus";
import type { Component } from "vue";

export const ElConfigProvider = Provider as unknown as Component;
export const ElOption = Option as unknown as Component;
export const ElSelect = Select as unknown as Component;
