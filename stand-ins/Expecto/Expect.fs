namespace Expecto

/// How far two floats may be apart: |a - b| <= absolute + relative * max(|a|, |b|).
type Accuracy = { absolute: float; relative: float }

module Accuracy =
    let areCloseLhs (a: float) (b: float) = abs (a - b)
    let areCloseRhs (m: Accuracy) (a: float) (b: float) = m.absolute + m.relative * max (abs a) (abs b)
    let areClose m a b = areCloseLhs a b <= areCloseRhs m a b
    let low = { absolute = 1e-6; relative = 1e-3 }
    let medium = { absolute = 1e-8; relative = 1e-5 }
    let high = { absolute = 1e-10; relative = 1e-7 }
    let veryHigh = { absolute = 1e-12; relative = 1e-9 }

/// Expectations; each fails the test with its message and both values when it does not hold.
[<RequireQualifiedAccess>]
module Expect =
    open System
    open System.Text.RegularExpressions

    let private fail message detail = raise (AssertException(sprintf "%s. %s" message detail))
    let private require holds message (detail: unit -> string) = if not holds then fail message (detail ())

    let private catch f =
        try
            f ()
            None
        with e ->
            Some e

    /// Expects f to throw.
    let throws f message =
        require (catch f |> Option.isSome) message (fun () -> "Expected an exception, but none was thrown.")

    /// Expects f to throw, and hands the exception on.
    let throwsC f cont =
        match catch f with
        | Some e -> cont e
        | None -> raise (AssertException "Expected an exception, but none was thrown.")

    /// Expects f to throw a 'texn or a subclass of it.
    let throwsT<'texn when 'texn :> exn> f message =
        match catch f with
        | Some e when (e :? 'texn) -> ()
        | Some e -> fail message (sprintf "Expected %s, but got %s: %s" typeof<'texn>.FullName (e.GetType().FullName) e.Message)
        | None -> fail message (sprintf "Expected %s, but nothing was thrown." typeof<'texn>.FullName)

    /// Expects f to throw when it runs.
    let throwsAsync f message =
        async {
            match! f () |> Async.Catch with
            | Choice1Of2() -> fail message "Expected an exception, but none was thrown."
            | Choice2Of2(_: exn) -> ()
        }

    let isNone x message =
        match x with
        | None -> ()
        | Some value -> fail message (sprintf "Expected None, was Some(%A)." value)

    /// Expects Some and hands back its value.
    let wantSome x message =
        match x with
        | Some value -> value
        | None -> fail message "Expected Some, was None."

    let isSome x message = wantSome x message |> ignore

    /// Expects Ok and hands back its value.
    let wantOk x message =
        match x with
        | Ok value -> value
        | Error error -> fail message (sprintf "Expected Ok, was Error(%A)." error)

    let isOk x message = wantOk x message |> ignore

    /// Expects Error and hands back its value.
    let wantError x message =
        match x with
        | Error error -> error
        | Ok value -> fail message (sprintf "Expected Error, was Ok(%A)." value)

    let isError x message = wantError x message |> ignore
    let isNull x message = require (isNull x) message (fun () -> sprintf "Expected null, but was %A." x)
    let isNotNull x message = require (not (Operators.isNull x)) message (fun () -> "Expected non-null, but was null.")
    let isTrue actual message = require actual message (fun () -> "Actual value was false but had expected it to be true.")
    let isFalse actual message = require (not actual) message (fun () -> "Actual value was true but had expected it to be false.")

    let isLessThan a b message = require (a < b) message (fun () -> sprintf "Expected %A to be less than %A." a b)

    let isLessThanOrEqual a b message =
        require (a <= b) message (fun () -> sprintf "Expected %A to be less than or equal to %A." a b)

    let isGreaterThan a b message = require (a > b) message (fun () -> sprintf "Expected %A to be greater than %A." a b)

    let isGreaterThanOrEqual a b message =
        require (a >= b) message (fun () -> sprintf "Expected %A to be greater than or equal to %A." a b)

    /// Expects two finite floats to be close.
    let floatClose accuracy (actual: float) (expected: float) message =
        require (Double.IsFinite actual && Accuracy.areClose accuracy actual expected) message (fun () ->
            sprintf
                "Expected a difference of at most %g, but was %g. actual=%.17g expected=%.17g"
                (Accuracy.areCloseRhs accuracy actual expected)
                (Accuracy.areCloseLhs actual expected)
                actual
                expected)

    let floatLessThanOrClose accuracy (actual: float) (expected: float) message =
        if not (actual < expected) then floatClose accuracy actual expected message

    let floatGreaterThanOrClose accuracy (actual: float) (expected: float) message =
        if not (actual > expected) then floatClose accuracy actual expected message

    let isNaN (f: float) message = require (Double.IsNaN f) message (fun () -> sprintf "Expected NaN, was %g." f)
    let isNotNaN (f: float) message = require (not (Double.IsNaN f)) message (fun () -> "Expected a number, was NaN.")

    let isPositiveInfinity (actual: float) message =
        require (Double.IsPositiveInfinity actual) message (fun () -> sprintf "Expected positive infinity, was %g." actual)

    let isNotInfinity (actual: float) message =
        require (not (Double.IsInfinity actual)) message (fun () -> "Expected a finite number, was infinity.")

    let isEmpty actual message =
        require (Seq.isEmpty actual) message (fun () -> sprintf "Should be empty, has %d elements." (Seq.length actual))

    let isNonEmpty actual message = require (not (Seq.isEmpty actual)) message (fun () -> "Should not be empty.")

    let isNotEmpty (actual: string) message =
        require (not (String.IsNullOrEmpty actual)) message (fun () -> "Should not be an empty string.")

    let isNotWhitespace (actual: string) message =
        require (not (String.IsNullOrWhiteSpace actual)) message (fun () -> "Should not be blank.")

    let private firstDifference actual expected =
        let padded sequence = Seq.append (Seq.map Some sequence) (Seq.initInfinite (fun _ -> None))

        Seq.zip (padded actual) (padded expected)
        |> Seq.findIndex (fun (a, e) -> a <> e || a.IsNone && e.IsNone)

    /// Expects equality by (=).
    let equal (actual: 'a) (expected: 'a) message =
        if actual <> expected then
            match box actual, box expected with
            | (:? string as a), (:? string as e) ->
                fail message (sprintf "Strings differ at position %d.\nexpected: %A\n  actual: %A" (firstDifference a e) e a)
            | (:? float as a), (:? float as e) -> fail message (sprintf "Actual value was %.17g but had expected it to be %.17g." a e)
            | _ -> fail message (sprintf "\nexpected: %A\n  actual: %A" expected actual)

    let notEqual (actual: 'a) (expected: 'a) message =
        require (actual <> expected) message (fun () -> sprintf "Actual value was equal to %A." actual)

    let isMatch (actual: string) pattern message =
        require (Regex.IsMatch(actual, pattern)) message (fun () -> sprintf "Expected %s to match pattern: /%s/" actual pattern)

    let isNotMatch (actual: string) pattern message =
        require (not (Regex.IsMatch(actual, pattern))) message (fun () -> sprintf "Expected %s not to match pattern: /%s/" actual pattern)

    let exists (actual: 'a seq) asserter message =
        require (Seq.exists asserter actual) message (fun () -> "No element satisfies the predicate.")

    let private violations actual asserter =
        actual |> Seq.indexed |> Seq.filter (fun (_, element) -> not (asserter element)) |> Seq.truncate 5 |> List.ofSeq

    /// Expects all elements to satisfy the predicate.
    let all (actual: 'a seq) asserter message =
        match violations actual asserter with
        | [] -> ()
        | some -> fail message (sprintf "Some elements don't satisfy the predicate; the first, with positions: %A" some)

    /// Expects all elements to equal one value.
    let allEqual (actual: 'a seq) equalTo message =
        match violations actual ((=) equalTo) with
        | [] -> ()
        | some -> fail message (sprintf "Some elements don't equal %A; the first, with positions: %A" equalTo some)

    let contains sequence element message =
        require (Seq.contains element sequence) message (fun () -> sprintf "Sequence did not contain %A." element)

    /// Expects every expected element to be among the actual ones, in any order.
    let containsAll (actual: _ seq) (expected: _ seq) message =
        let missing = expected |> Seq.filter (fun element -> not (Seq.contains element actual)) |> List.ofSeq
        require missing.IsEmpty message (fun () -> sprintf "Missing: %A\n  actual: %A" missing (List.ofSeq actual))

    /// Expects the same elements in the same order.
    let sequenceEqual actual expected message =
        let a, e = List.ofSeq actual, List.ofSeq expected

        if a <> e then
            fail message (sprintf "Sequences differ at position %d.\nexpected: %A\n  actual: %A" (firstDifference a e) e a)

    let isAscending (subject: _ seq) message =
        require (subject |> Seq.pairwise |> Seq.forall (fun (a, b) -> a <= b)) message (fun () -> "Sequence is not ascending.")

    let isDescending (subject: _ seq) message =
        require (subject |> Seq.pairwise |> Seq.forall (fun (a, b) -> a >= b)) message (fun () -> "Sequence is not descending.")

    let hasLength (seq: 'a seq) expectedLength message =
        let length = Seq.length seq
        require (length = expectedLength) message (fun () -> sprintf "Expected a length of %d, was %d." expectedLength length)

    let stringContains (subject: string) (substring: string) message =
        require (subject.Contains(substring, StringComparison.Ordinal)) message (fun () ->
            sprintf "Expected subject string '%s' to contain substring '%s'." subject substring)

    let stringStarts (subject: string) (prefix: string) message =
        require (subject.StartsWith(prefix, StringComparison.Ordinal)) message (fun () ->
            sprintf "Expected subject string '%s' to start with '%s'." subject prefix)

    let stringEnds (subject: string) (suffix: string) message =
        require (subject.EndsWith(suffix, StringComparison.Ordinal)) message (fun () ->
            sprintf "Expected subject string '%s' to end with '%s'." subject suffix)
