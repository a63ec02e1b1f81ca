package io.nearkv.deploy.document;

/** The kinds of signed document. */
public enum DocumentKind {
    /** Whom to believe; signed by the roots. */
    TRUST(1),
    /** Where traffic goes. */
    ROUTE(2),
    /** Which builds have proved good. */
    LEDGER(3),
    /** What was published as a build. */
    MANIFEST(4);

    private final int number;

    DocumentKind(int number) {
        this.number = number;
    }

    /** Returns the number in the envelope, and in what is signed. */
    int number() {
        return number;
    }

    /** Returns the name in messages, such as {@code route}. */
    public String label() {
        return switch (this) {
            case TRUST -> "trust";
            case ROUTE -> "route";
            case LEDGER -> "ledger";
            case MANIFEST -> "manifest";
        };
    }
}
