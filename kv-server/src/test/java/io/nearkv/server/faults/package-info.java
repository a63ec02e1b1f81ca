/** Real servers under real faults: killed, cut off from power, with a full or failing disk, with damaged files. */
@NullMarked
package io.nearkv.server.faults;

import org.jspecify.annotations.NullMarked;
