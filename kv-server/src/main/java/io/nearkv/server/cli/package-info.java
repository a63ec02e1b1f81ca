/** What every command stands on: the console, exit codes, failures, and how a command finds server and token. */
@NullMarked
package io.nearkv.server.cli;

import org.jspecify.annotations.NullMarked;
