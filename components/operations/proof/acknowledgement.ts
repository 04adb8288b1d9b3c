/** A dead key that the config closes by name: nobody has shown that the instances reject it. */
export interface Acknowledgement {
  kid: string;
  reason: string;
  /** Who runs the stack: the pipeline's user, or the machine's. */
  by: string;
  /** The commit that the config is of. Absent where there is none. */
  commit?: string | undefined;
}
