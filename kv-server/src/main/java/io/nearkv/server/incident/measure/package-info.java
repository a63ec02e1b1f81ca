/** What the users of a replay got, counted, and how it compares with what was expected. */
@NullMarked
package io.nearkv.server.incident.measure;

import org.jspecify.annotations.NullMarked;
