@NullMarked
package io.nearkv.deploy.control;

import org.jspecify.annotations.NullMarked;
