@NullMarked
package io.nearkv.deploy.analysis;

import org.jspecify.annotations.NullMarked;
