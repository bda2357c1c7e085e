namespace Expecto

open System
open System.Threading

/// What FsCheck counted while it checked one property.
type FsCheckTestData =
    { Labels: Set<string>
      NumberOfShrinks: int
      NumberOfTests: int
      Stamps: seq<int * string list> }

/// How a property is checked.
type FsCheckConfig =
    { /// Number of generated inputs that have to pass.
      maxTest: int
      /// Size of the first generated input.
      startSize: int
      /// Size of the last generated input; sizes grow linearly in between.
      endSize: int
      /// Seed, gamma and size of an earlier run to be repeated, as a failing property prints them.
      replay: (uint64 * uint64 * int option) option
      /// Classes of further `Arbitrary` instances; the first of two for one type wins.
      arbitrary: Type list
      /// Called with the property's name, the test's number and the generated arguments.
      receivedArgs: FsCheckConfig -> string -> int -> obj list -> Async<unit>
      /// Called with the property's name and the smaller arguments that still fail.
      successfulShrink: FsCheckConfig -> string -> obj list -> Async<unit>
      /// Called once at the end with the property's name and the counts.
      finishedTest: FsCheckConfig -> string -> FsCheckTestData -> Async<unit> }

    static member defaultConfig =
        { maxTest = 200
          startSize = 1
          endSize = 100
          replay = None
          arbitrary = []
          receivedArgs = fun _ _ _ _ -> async.Return()
          successfulShrink = fun _ _ _ -> async.Return()
          finishedTest = fun _ _ _ -> async.Return() }

/// The body of a test case.
type TestCode =
    | Sync of stest: (unit -> unit)
    | SyncWithCancel of stest: (CancellationToken -> unit)
    | Async of atest: Async<unit>
    | AsyncFsCheck of testConfig: FsCheckConfig option * stressConfig: FsCheckConfig option * test: (FsCheckConfig -> Async<unit>)

/// Whether a test runs as usual, is left out, or makes all unfocused tests be left out.
type FocusState =
    | Normal
    | Pending
    | Focused

/// With what other tests a test may run at the same time.
type SequenceMethod =
    | Synchronous
    | SynchronousGroup of string
    | InParallel

/// A tree of tests: tests are values that are composed before they run.
type Test =
    | TestCase of code: TestCode * state: FocusState
    | TestList of tests: Test list * state: FocusState
    | TestLabel of label: string * test: Test * state: FocusState
    | Sequenced of SequenceMethod * Test

type ExpectoException(msg) =
    inherit Exception(msg)

/// An expectation that does not hold; reported with the line that expected it.
type AssertException(msg) =
    inherit ExpectoException(msg)

/// A failure whose message says everything; reported without a stack trace.
type FailedException(msg) =
    inherit ExpectoException(msg)

/// Raised by a test that cannot run here; it is counted as ignored.
type IgnoreException(msg) =
    inherit ExpectoException(msg)

/// Marks a public value of type Test that `runTestsInAssemblyWithCLIArgs` shall find.
[<AttributeUsage(AttributeTargets.Method ||| AttributeTargets.Property ||| AttributeTargets.Field)>]
type TestsAttribute() =
    inherit Attribute()

/// As `Tests`, and the tests are left out.
[<AttributeUsage(AttributeTargets.Method ||| AttributeTargets.Property ||| AttributeTargets.Field)>]
type PTestsAttribute() =
    inherit Attribute()

/// As `Tests`, and all other tests are left out.
[<AttributeUsage(AttributeTargets.Method ||| AttributeTargets.Property ||| AttributeTargets.Field)>]
type FTestsAttribute() =
    inherit Attribute()

/// A leaf of the tree with what its ancestors say about it.
[<ReferenceEquality>]
type FlatTest =
    { name: string list
      test: TestCode
      state: FocusState
      /// Some test of the tree is focused.
      focusOn: bool
      sequenced: SequenceMethod }

    /// Why the test is left out; None when it is to run.
    member x.shouldSkipEvaluation =
        match x.state with
        | Pending -> Some "The test or a list around it is pending"
        | Normal when x.focusOn -> Some "Other tests are focused"
        | _ -> None

    member x.fullName(joinWith: string) = String.concat joinWith x.name

[<CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module Test =
    let private inherited parent child =
        match parent, child with
        | Pending, _
        | _, Pending -> Pending
        | Focused, _ -> Focused
        | Normal, state -> state

    /// Whether any test of the tree is focused.
    let rec isFocused test =
        match test with
        | TestCase(_, state) -> state = Focused
        | TestList(_, Pending)
        | TestLabel(_, _, Pending) -> false
        | TestList(tests, state) -> state = Focused || List.exists isFocused tests
        | TestLabel(_, inner, state) -> state = Focused || isFocused inner
        | Sequenced(_, inner) -> isFocused inner

    /// The leaves of the tree from left to right.
    let toTestCodeList test =
        let focusOn = isFocused test

        let rec leaves path parent sequenced test =
            match test with
            | TestCase(code, state) ->
                [ { name = List.rev path
                    test = code
                    state = inherited parent state
                    focusOn = focusOn
                    sequenced = sequenced } ]
            | TestList(tests, state) -> tests |> List.collect (leaves path (inherited parent state) sequenced)
            | TestLabel(label, inner, state) -> leaves (label :: path) (inherited parent state) sequenced inner
            | Sequenced(sequenced, inner) -> leaves path parent sequenced inner

        leaves [] Normal InParallel test

    /// The tests whose path of names satisfies the predicate.
    let filter (joiner: string) (pred: string list -> bool) test =
        let kept =
            toTestCodeList test
            |> List.filter (fun leaf -> pred leaf.name)
            |> List.map (fun leaf ->
                Sequenced(leaf.sequenced, TestLabel(leaf.fullName joiner, TestCase(leaf.test, leaf.state), leaf.state)))

        TestList(kept, Normal)
