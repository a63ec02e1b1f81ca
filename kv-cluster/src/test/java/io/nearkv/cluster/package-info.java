@NullMarked
package io.nearkv.cluster;

import org.jspecify.annotations.NullMarked;
