@NullMarked
package io.nearkv.deploy.report;

import org.jspecify.annotations.NullMarked;
