/// Mutations of small valid weights files: each gives an error for the user or a load, quickly and in little memory.
/// scripts/fuzz-checkpoints.sh runs as many as one likes.
module Reproduction.Tests.CheckpointsFuzz

open System
open System.Diagnostics
open System.IO
open System.Text
open Expecto
open Reproduction
open Reproduction.Formats

/// The environment variable by which the script asks for a long run.
let private countVariable = "FUZZ_MUTATIONS"

let private mutations =
    match Environment.GetEnvironmentVariable countVariable with
    | null -> 2000
    | count -> int count

/// Beyond the file's own size, in bytes. All allocations count, freed or not.
let private memoryLimit = 64L <<< 20

let private timeLimit = TimeSpan.FromSeconds 1.

let private golden = Path.Combine(__SOURCE_DIRECTORY__, "..", "golden", "backbones")

let private safeTensors =
    let header =
        """{"__metadata__":{"format":"pt"},"a.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"""
        + """"b":{"dtype":"I64","shape":[],"data_offsets":[24,32]},"c":{"dtype":"BF16","shape":[4],"data_offsets":[32,40]}}"""

    Array.concat [ BitConverter.GetBytes(int64 header.Length); Encoding.UTF8.GetBytes header; Array.init 40 byte ]

let private darknet =
    Array.concat [
        BitConverter.GetBytes 0
        BitConverter.GetBytes 2
        BitConverter.GetBytes 0
        BitConverter.GetBytes 0L
        Array.concat [ for i in 1 .. 32 * 31 -> BitConverter.GetBytes(float32 i) ]
    ]

let private seeds =
    lazy
        [|
            for file in [ "zip.pth"; "legacy.pth"; "zip_wrapped.pth"; "legacy_wrapped.pth"; "module.pth" ] do
                yield file, File.ReadAllBytes(Path.Combine(golden, file))
            yield "safetensors", safeTensors
            yield "darknet", darknet
            yield "onnx", OnnxBytes.small
        |]

/// Numbers at which lengths, offsets and counts go wrong.
let private numbers = [|
    0L
    1L
    -1L
    127L
    128L
    255L
    256L
    65535L
    65536L
    0x7fffffffL
    0x80000000L
    0xffffffffL
    0x100000000L
    Int64.MaxValue
    Int64.MinValue
|]

let private mutate (random: SplitMix64) (bytes: byte[]) =
    let at length = random.NextInt(max 1 length)
    let copy = Array.copy bytes

    match random.NextInt 8 with
    | 0 ->
        for _ in 0 .. random.NextInt 4 do
            copy[at copy.Length] <- byte (random.NextInt 256)

        copy
    | 1 ->
        let place = at copy.Length
        copy[place] <- copy[place] ^^^ (1uy <<< random.NextInt 8)
        copy
    | 2 -> copy[.. at copy.Length - 1]
    | 3 ->
        let number = BitConverter.GetBytes numbers[random.NextInt numbers.Length]
        let width = min copy.Length (1 <<< random.NextInt 4)
        Array.blit number 0 copy (at (copy.Length - width)) width
        copy
    | 4 ->
        let place = at copy.Length
        let count = min (copy.Length - place) (1 + random.NextInt 64)
        Array.append copy[.. place - 1] copy[place + count ..]
    | 5 ->
        let place, source = at copy.Length, at copy.Length
        let piece = copy[source .. source + random.NextInt 64]
        Array.concat [ copy[.. place - 1]; piece; copy[place..] ]
    | 6 ->
        let other = snd seeds.Value[random.NextInt seeds.Value.Length]
        Array.append copy[.. at copy.Length - 1] other[at other.Length ..]
    | _ ->
        let place = at copy.Length
        Array.concat [ copy[.. place - 1]; Array.create (1 + random.NextInt 4096) (byte (random.NextInt 256)); copy[place..] ]

type private Outcome =
    | Loaded
    | Refused

let private read path =
    try
        use checkpoint = Checkpoint.Open path

        for entry in checkpoint.Entries do
            entry.CheckFinite()

        Loaded
    with :? UserError as error ->
        if error.Message.Split('\n').Length > 2 then failtest $"the error takes more than two lines: {error.Message}"
        Refused

let private run path number =
    let random = SplitMix64.For(uint64 number, "checkpoint fuzzing")
    let name, seed = seeds.Value[random.NextInt seeds.Value.Length]
    let further (bytes: byte[]) _ = if bytes.Length = 0 then bytes else mutate random bytes
    let mutated = Seq.fold further seed (seq { 0 .. random.NextInt 3 })
    File.WriteAllBytes(path, mutated)
    let before = GC.GetAllocatedBytesForCurrentThread()
    let watch = Stopwatch.StartNew()

    let outcome =
        try
            read path
        with error when not (error :? AssertException) ->
            failtest $"mutation {number} of {name}: {error}"

    let allocated = GC.GetAllocatedBytesForCurrentThread() - before
    if watch.Elapsed > timeLimit then failtest $"mutation {number} of {name} takes {watch.Elapsed.TotalSeconds} s"

    if allocated > memoryLimit + int64 mutated.Length then
        failtest $"mutation {number} of {name} allocates {allocated} bytes for a file of {mutated.Length}"

    outcome

[<Tests>]
let tests =
    testSequenced
    <| testList "checkpoints fuzz" [
        testCase "the files themselves are valid"
        <| fun () ->
            let path = Path.GetTempFileName()

            try
                for name, bytes in seeds.Value do
                    File.WriteAllBytes(path, bytes)
                    Expect.equal (read path) Loaded name
            finally
                File.Delete path

        testCase "mutations give an error or a load"
        <| fun () ->
            let path = Path.GetTempFileName()

            try
                let outcomes = List.init mutations (run path) |> List.countBy id |> Map.ofList
                // Were all refused or all loaded, the mutations would not reach what they are for.
                for outcome in [ Loaded; Refused ] do
                    Expect.isGreaterThan (Map.tryFind outcome outcomes |> Option.defaultValue 0) (mutations / 50) $"{outcome}"

                if mutations > 2000 then printfn "%d mutations: %A" mutations (Map.toList outcomes)
            finally
                File.Delete path
    ]
