package io.nearkv.deploy.store;

import io.nearkv.deploy.document.DocumentKind;
import io.nearkv.deploy.document.Rejected;
import io.nearkv.deploy.document.SignedDocument;
import io.nearkv.deploy.document.StoredDocuments;
import io.nearkv.deploy.model.RejectReason;
import io.nearkv.deploy.model.RouteEntry;
import io.nearkv.deploy.model.RouteKind;
import java.util.List;

/** Tries the instances of a forward route that the route in force does not have. The ways back, a parachute and a break-glass, wait for no instance. */
final class Probes {
    private Probes() {}

    static void check(SignedDocument document, StoredDocuments now, RouteStoreOptions options) throws Rejected {
        EndpointProbe probe = options.probe();
        if (probe == null
                || !options.layers().acceptance()
                || document.kind() != DocumentKind.ROUTE
                || document.route().kind() != RouteKind.FORWARD) {
            return;
        }
        List<RouteEntry> known =
                now.active() == null ? List.of() : now.active().route().entries();
        for (RouteEntry entry : document.route().entries()) {
            for (String endpoint : entry.endpoints()) {
                boolean isNew = known.stream()
                        .noneMatch(old -> old.build().equals(entry.build())
                                && old.endpoints().contains(endpoint));
                String refusal = isNew ? probe.refusal(entry, endpoint) : null;
                if (refusal != null) {
                    throw new Rejected(
                            RejectReason.ENDPOINT_REFUSED, endpoint + " of build " + entry.id() + ": " + refusal);
                }
            }
        }
    }
}
