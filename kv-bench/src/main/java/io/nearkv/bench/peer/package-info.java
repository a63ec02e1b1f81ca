/** What nearkv is compared with: clients of other stores as targets of a load, their servers as processes, and a bare echo. */
@NullMarked
package io.nearkv.bench.peer;

import org.jspecify.annotations.NullMarked;
