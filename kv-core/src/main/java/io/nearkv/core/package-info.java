/** The contract of a tier, the face that applications use, and the values that cross it. */
@NullMarked
package io.nearkv.core;

import org.jspecify.annotations.NullMarked;
