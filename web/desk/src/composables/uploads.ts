/** Files on their way up, and those that are up and wait for 发送. */
import { computed, ref, type ComputedRef, type Ref } from "vue";
import { useI18n } from "vue-i18n";
import { uploadAttachment } from "../api/desk";
import type { Attachment } from "../api/types";
import { isTooLarge } from "../models/files";
import { notifyFailed } from "./notify";
import { ApiError } from "../api/client";

export interface Upload {
  readonly key: number;
  readonly file: File;
  share: number;
  failed: boolean;
  done: Attachment | null;
}

export interface Uploads {
  readonly items: Ref<Upload[]>;
  readonly isBusy: ComputedRef<boolean>;
  add(files: Iterable<File>): void;
  again(item: Upload): void;
  drop(item: Upload): void;
  take(): Attachment[];
}

export function useUploads(): Uploads {
  const { t } = useI18n();
  const items = ref<Upload[]>([]) as Ref<Upload[]>;
  const isBusy = computed(() => items.value.some((item) => item.done === null && !item.failed));
  let counter = 0;

  async function start(key: number): Promise<void> {
    const item = items.value.find((one) => one.key === key);
    if (item === undefined) return;
    item.failed = false;
    try {
      item.done = await uploadAttachment(item.file, (share) => (item.share = share));
    } catch (reason) {
      item.failed = true;
      notifyFailed(reason);
    }
  }

  return {
    items,
    isBusy,
    add(files) {
      for (const file of files) {
        if (isTooLarge(file)) {
          notifyFailed(new ApiError(413, "too_large", t("inbox.composer.tooLarge", { name: file.name })));
          continue;
        }
        counter += 1;
        items.value.push({ key: counter, file, share: 0, failed: false, done: null });
        void start(counter);
      }
    },
    again: (item) => void start(item.key),
    drop: (item) => (items.value = items.value.filter((one) => one.key !== item.key)),
    take() {
      const ready = items.value.flatMap((item) => (item.done === null ? [] : [item.done]));
      items.value = items.value.filter((item) => item.done === null);
      return ready;
    },
  };
}
