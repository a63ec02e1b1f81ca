/** The incident that is replayed: its moments, its time, who was on the store, and what protects. */
@NullMarked
package io.nearkv.server.incident.model;

import org.jspecify.annotations.NullMarked;
