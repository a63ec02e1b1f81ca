package io.nearkv.server;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.fields;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.domain.JavaPackage;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import java.io.ObjectInputStream;
import java.time.Clock;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZonedDateTime;
import java.util.Date;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

/** Keeps the modules, packages and libraries where docs/architecture.md puts them. */
class ArchitectureTest {
    /** The generated protobuf code, which follows rules of its own. */
    private static final String[] GENERATED = {"io.nearkv.net.wire..", "io.nearkv.deploy.wire.."};

    private static final JavaClasses PRODUCTION_AND_GENERATED = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            // The contract suite of kv-core.
            .withImportOption(location -> !location.contains("-tests.jar"))
            .importPackages("io.nearkv");

    private static final JavaClasses PRODUCTION = PRODUCTION_AND_GENERATED.that(not(resideInAnyPackage(GENERATED)));

    @Test
    void every_module_is_under_test() {
        assertThat(PRODUCTION.stream().map(JavaClass::getPackageName))
                .contains(
                        "io.nearkv.core",
                        "io.nearkv.edge",
                        "io.nearkv.net",
                        "io.nearkv.deploy.store",
                        "io.nearkv.cluster",
                        "io.nearkv.server");
    }

    @Test
    void dependencies_point_downwards() {
        layeredArchitecture()
                .consideringOnlyDependenciesInAnyPackage("io.nearkv..")
                .layer("core")
                .definedBy("io.nearkv.core..")
                .layer("edge")
                .definedBy("io.nearkv.edge..")
                .layer("net")
                .definedBy("io.nearkv.net..")
                .layer("deploy")
                .definedBy("io.nearkv.deploy..")
                .layer("cluster")
                .definedBy("io.nearkv.cluster..")
                .layer("server")
                .definedBy("io.nearkv.server..")
                .whereLayer("core")
                .mayNotAccessAnyLayer()
                .whereLayer("edge")
                .mayOnlyAccessLayers("core")
                .whereLayer("net")
                .mayOnlyAccessLayers("core")
                .whereLayer("deploy")
                .mayOnlyAccessLayers("core")
                .whereLayer("cluster")
                .mayOnlyAccessLayers("core")
                .whereLayer("server")
                .mayNotBeAccessedByAnyLayer()
                .check(PRODUCTION_AND_GENERATED);
    }

    @Test
    void packages_have_no_cycles() {
        slices().matching("io.nearkv.(**)").should().beFreeOfCycles().check(PRODUCTION_AND_GENERATED);
    }

    @Test
    void the_contract_does_not_know_the_engine() {
        noClasses()
                .that()
                .resideInAnyPackage(
                        "io.nearkv.core",
                        "io.nearkv.core.identity..",
                        "io.nearkv.core.route..",
                        "io.nearkv.edge..",
                        "io.nearkv.net..",
                        "io.nearkv.deploy..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("io.nearkv.core.rocksdb..")
                .check(PRODUCTION);
    }

    @Test
    void each_library_is_seen_only_where_it_belongs() {
        onlyIn("io.nearkv.core.rocksdb..", "org.rocksdb..");
        onlyIn("io.nearkv.edge..", "com.github.benmanes..");
        onlyIn("io.nearkv.cluster..", "org.apache.ratis..");
        onlyIn("io.nearkv.net..", "io.netty..");
        onlyIn(
                new String[] {"io.nearkv.net..", "io.nearkv.deploy.document..", "io.nearkv.deploy.report.."},
                "com.google.protobuf..");
        onlyIn("io.nearkv.net.rest..", "io.netty.handler.codec.http..", "io.netty.handler.codec.http2..");
        onlyIn("io.nearkv.core.identity..", "io.jsonwebtoken..");
        onlyIn("io.nearkv.server..", "picocli..", "ch.qos.logback..");
        onlyIn("io.nearkv.server.metrics..", "io.prometheus..");
    }

    @Test
    void the_wire_protocol_is_independent_of_json() {
        noClasses()
                .that()
                .resideInAPackage("io.nearkv.net..")
                .and()
                .resideOutsideOfPackage("io.nearkv.net.rest..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("tools.jackson..")
                .check(PRODUCTION);
    }

    @Test
    void public_types_name_no_type_of_a_library() {
        // Packages of kv-net hand buffers to each other; what applications use of kv-net does not.
        classes()
                .that()
                .arePublic()
                .and()
                .resideOutsideOfPackages("io.nearkv.net.protocol..", "io.nearkv.net.transport..")
                .should(nameNoLibraryTypeInSignatures())
                .check(PRODUCTION);
    }

    @Test
    void every_package_is_null_marked() {
        Set<String> unmarked = PRODUCTION.stream()
                .map(JavaClass::getPackage)
                .filter(each -> !each.isAnnotatedWith(NullMarked.class))
                .map(JavaPackage::getName)
                .collect(Collectors.toSet());

        assertThat(unmarked).isEmpty();
    }

    @Test
    void time_is_a_parameter() {
        // InstantSource.system() and System::nanoTime remain: they are what one passes where time is a parameter.
        noClasses()
                .should()
                .callMethod(System.class, "currentTimeMillis")
                .orShould()
                .callMethod(Instant.class, "now")
                .orShould()
                .callMethod(LocalDateTime.class, "now")
                .orShould()
                .callMethod(ZonedDateTime.class, "now")
                .orShould()
                .callMethod(Clock.class, "systemDefaultZone")
                .orShould()
                .callConstructor(Date.class)
                .orShould()
                .callMethod(Math.class, "random")
                .check(PRODUCTION);
    }

    @Test
    void only_commands_write_to_the_console_and_only_main_ends_the_process() {
        noClasses()
                .that()
                .resideOutsideOfPackage("io.nearkv.server..")
                .should()
                .accessField(System.class, "out")
                .orShould()
                .accessField(System.class, "err")
                .check(PRODUCTION);
        noClasses()
                .that()
                .doNotHaveFullyQualifiedName("io.nearkv.server.Main")
                .should()
                .callMethod(System.class, "exit", int.class)
                .check(PRODUCTION);
    }

    @Test
    void nothing_is_deserialized_by_java() {
        noClasses()
                .should()
                .dependOnClassesThat()
                .areAssignableTo(ObjectInputStream.class)
                .check(PRODUCTION);
    }

    @Test
    void optional_is_only_returned() {
        fields().should().notHaveRawType(Optional.class).check(PRODUCTION);
        Stream<String> takers = PRODUCTION.stream()
                .flatMap(each -> each.getCodeUnits().stream())
                .filter(each -> !each.getModifiers().contains(JavaModifier.SYNTHETIC))
                .filter(each ->
                        each.getRawParameterTypes().stream().anyMatch(type -> type.isEquivalentTo(Optional.class)))
                .map(JavaCodeUnit::getFullName);

        assertThat(takers).isEmpty();
    }

    @Test
    void names_say_what_a_thing_is() {
        classes()
                .should()
                .haveNameNotMatching(
                        "(?i).*(\\.(utils?|common|helpers?|managers?|misc|impl)\\.|(Utils?|Common|Helper|Manager|Misc|Impl)$).*")
                .check(PRODUCTION);
    }

    private static void onlyIn(String owner, String... libraries) {
        onlyIn(new String[] {owner}, libraries);
    }

    private static void onlyIn(String[] owners, String... libraries) {
        noClasses()
                .that()
                .resideOutsideOfPackages(owners)
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(libraries)
                .check(PRODUCTION);
    }

    private static ArchCondition<JavaClass> nameNoLibraryTypeInSignatures() {
        DescribedPredicate<JavaClass> library = resideInAnyPackage(
                        "org.rocksdb..",
                        "io.netty..",
                        "com.google.protobuf..",
                        "io.jsonwebtoken..",
                        "com.github.benmanes..",
                        "tools.jackson..",
                        "io.prometheus..")
                .or(resideInAnyPackage(GENERATED));
        return new ArchCondition<>("name no type of a library in the signature of a public or protected method") {
            @Override
            public void check(JavaClass owner, ConditionEvents events) {
                owner.getCodeUnits().stream()
                        .filter(each -> each.getModifiers().contains(JavaModifier.PUBLIC)
                                || each.getModifiers().contains(JavaModifier.PROTECTED))
                        .filter(each -> Stream.concat(
                                        Stream.of(each.getRawReturnType()), each.getRawParameterTypes().stream())
                                .anyMatch(library))
                        .forEach(each -> events.add(SimpleConditionEvent.violated(each, each.getDescription())));
            }
        };
    }
}
