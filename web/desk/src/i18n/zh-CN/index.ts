import account from "./account";
import common from "./common";
import figures from "./figures";
import inbox from "./inbox";
import intake from "./intake";
import knowledge from "./knowledge";
import loop from "./loop";
import matters from "./matters";
import privacy from "./privacy";
import numbers from "./numbers";
import settings from "./settings";
import shell from "./shell";
import sla from "./sla";
import sorting from "./sorting";
import tickets from "./tickets";
import words from "./words";

export default { account, common, figures, inbox, intake, knowledge, loop, matters, numbers, privacy, settings, shell, sla, sorting, tickets, words };
