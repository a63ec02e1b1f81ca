package io.nearkv.deploy.control;

import io.nearkv.deploy.model.EnvironmentClass;
import io.nearkv.deploy.model.Ledger;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.ServiceId;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How an environment stands. Immutable.
 *
 * @param service whose
 * @param environmentClass how much is at stake
 * @param trustSerial the serial of the trust document
 * @param route the forward route in force, or null if there is none
 * @param hash the SHA-256 of its body in hex, empty for none
 * @param coverage who follows it, as far as is known
 * @param ledger what is known to be good
 * @param frozen why nothing is changed until somebody reconciles, or null
 * @param problems what is wrong, one line each
 */
public record ControlStatus(
        ServiceId service,
        EnvironmentClass environmentClass,
        long trustSerial,
        @Nullable Route route,
        String hash,
        Coverage coverage,
        Ledger ledger,
        @Nullable Finding frozen,
        List<String> problems) {
    /** Makes a copy. */
    public ControlStatus {
        problems = List.copyOf(problems);
    }
}
