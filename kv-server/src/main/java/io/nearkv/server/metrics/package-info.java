/** What the process tells of itself in numbers: snapshots of all its parts, written down for Prometheus. */
@NullMarked
package io.nearkv.server.metrics;

import org.jspecify.annotations.NullMarked;
