package io.nearkv.deploy.control;

import static java.util.Objects.requireNonNull;

import io.nearkv.deploy.document.DocumentKind;
import io.nearkv.deploy.document.DocumentVerifier;
import io.nearkv.deploy.document.Rejected;
import io.nearkv.deploy.document.SignedDocument;
import io.nearkv.deploy.model.Manifest;
import io.nearkv.deploy.model.ServiceId;
import io.nearkv.deploy.model.Trust;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A list of builds that was verified by whoever reads it, item by item: a list is of one environment, but nobody takes the maker's word for it. Immutable.
 *
 * @param builds those that belong there
 * @param strays what does not, with what is wrong with it; to be dropped and told
 */
public record BuildListing(List<Build> builds, List<Finding> strays) {
    /**
     * A build that belongs to the list.
     *
     * @param manifest what it is
     * @param item what the list says of it
     */
    public record Build(Manifest manifest, BuildItem item) {
        /** Checks that nothing is missing. */
        public Build {
            requireNonNull(manifest, "manifest");
            requireNonNull(item, "item");
        }

        /** Returns the id. */
        public String id() {
            return manifest.build().id();
        }
    }

    /** Makes copies. */
    public BuildListing {
        builds = List.copyOf(builds);
        strays = List.copyOf(strays);
    }

    /**
     * Verifies a list.
     *
     * @param service what all items must be of
     * @param trust whose build keys must have signed them; null where the reader has none, and goes by what the manifests say
     */
    public static BuildListing verify(
            ServiceId service, @Nullable Trust trust, DocumentVerifier verifier, List<BuildItem> items) {
        List<Build> builds = new ArrayList<>();
        List<Finding> strays = new ArrayList<>();
        for (BuildItem item : items) {
            try {
                SignedDocument document = SignedDocument.parse(item.document().toByteArray());
                if (document.kind() != DocumentKind.MANIFEST) {
                    strays.add(stray("a " + document.kind().label()));
                    continue;
                }
                Manifest manifest = document.manifest();
                if (!document.service().equals(service)) {
                    strays.add(stray("build " + manifest.build().id() + " (" + manifest.version() + ") of "
                            + document.service()));
                    continue;
                }
                if (trust != null) {
                    verifier.verify(document, trust);
                }
                builds.add(new Build(manifest, item));
            } catch (Rejected e) {
                strays.add(stray("an item that cannot be used: " + e.getMessage()));
            }
        }
        return new BuildListing(builds, strays);
    }

    private static Finding stray(String what) {
        return Finding.of(
                Check.LIST_POLLUTED,
                "the list has " + what + " in it",
                "it was dropped; repair the control plane that made the list before it is used again");
    }

    /** Returns the build with this id, or null if the list has none. */
    public @Nullable Build find(String id) {
        for (Build build : builds) {
            if (build.id().equals(id)) {
                return build;
            }
        }
        return null;
    }
}
