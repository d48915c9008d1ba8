import account from "./account";
import common from "./common";
import inbox from "./inbox";
import knowledge from "./knowledge";
import numbers from "./numbers";
import settings from "./settings";
import shell from "./shell";
import tickets from "./tickets";
import words from "./words";

export default { account, common, inbox, knowledge, numbers, settings, shell, tickets, words };
