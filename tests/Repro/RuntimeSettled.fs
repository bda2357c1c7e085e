/// What is settled before libtorch is loaded, and what a user reads where it cannot be: in processes of their own.
module Reproduction.Tests.RuntimeSettled

open System
open System.IO
open Expecto
open TorchSharp
open Repro.Records
open Reproduction
open Reproduction.Tests.ReproProcess

/// The command without libtorch: a copy of its managed files, and what `change` does to it.
let private withoutLibtorch change (arguments: string list) =
    let folder = Directory.CreateTempSubdirectory("reproduction-runtime-").FullName

    try
        for file in Directory.EnumerateFiles AppContext.BaseDirectory do
            if file.EndsWith ".dll" || file.EndsWith ".json" then File.Copy(file, Path.Combine(folder, FileInfo(file).Name))

        change folder

        let ended = AwaitedProcess.call [] folder "dotnet" (Path.Combine(folder, "repro.dll") :: arguments)
        Expect.isFalse (Directory.Exists(Path.Combine(folder, "cpu"))) "TorchSharp copied nothing"
        ended
    finally
        Directory.Delete(folder, true)

let private records (sandbox: Sandbox) = [ for file in Directory.GetFiles(RunRecord.Folder sandbox.Run, "*.json") -> RunRecord.Read file ]

let private fit (sandbox: Sandbox) wrong =
    let environment = [ "XDG_CACHE_HOME", Path.Combine(sandbox.Root, "home"); "FAULTS_CONVOLUTIONS", wrong; "ONEDNN_MAX_CPU_ISA", "" ]
    use running = start sandbox "" environment (runArguments sandbox "hfae" "resnet18_cntk")
    running.Wait()

[<Tests>]
let tests =
    testList "before libtorch" [
        testCase "help needs no libtorch"
        <| fun () ->
            let ended = withoutLibtorch ignore [ "--help" ]
            Expect.equal ended.ExitCode 0 ended.Error
            Expect.stringContains ended.Output "doctor" "the verbs"

        testCase "a library that cannot be loaded is a row of doctor, with the way out, and doctor goes on"
        <| fun () ->
            let change folder =
                for name in [ "libtorch_cpu.so"; "libLibTorchSharp.so" ] do
                    File.WriteAllText(Path.Combine(folder, name), String('x', 4096))

            let ended = withoutLibtorch change [ "doctor"; "--data"; "/nowhere/data"; "--weights"; "/nowhere/weights" ]
            Expect.equal ended.ExitCode 0 ended.Error
            Expect.stringContains ended.Output "dotnet build" "the way out"
            Expect.stringContains ended.Output "damaged or not for this system" "the reason"
            Expect.stringContains ended.Output "chromium" "the rows behind it"
            Expect.isFalse (ended.Output.Contains "Trace") "no page of text"

        testCase "what the loader says becomes one line with the way out"
        <| fun () ->
            for text, words in
                [
                    "x\n/lib/libstdc++.so.6: version `GLIBCXX_3.4.32' not found (required by /a/libLibTorchSharp.so)", "GLIBCXX_3.4.32"
                    "x\n/a/libLibTorchSharp.so: wrong ELF class: ELFCLASS32", "not for this system"
                    "x\nlibgomp-98b21ff3.so.1: cannot open shared object file: No such file or directory", "libgomp-98b21ff3.so.1"
                    "x\nlibtorch_cpu.so: cannot open shared object file: No such file or directory", "libtorch_cpu.so is not in"
                    "x\n/a/libLibTorchSharp.so: cannot open shared object file: No such file or directory", "-p:Torch=cpu"
                ] do
                let line = TorchRuntime.Explain text
                Expect.stringContains line words "names it"
                Expect.isFalse (line.Contains '\n') "one line"

        testCase "doctor names libtorch's version and every folder that is not there, and its exit code is 0"
        <| fun () ->
            use sandbox = new Sandbox()
            use running = start sandbox "" [] [ "doctor"; "--data"; "/nowhere/data"; "--weights"; "/nowhere/weights" ]
            let ended = running.Wait()
            Expect.equal ended.ExitCode 0 ended.Error
            Expect.equal (ended.Error.Trim()) "" "no NNPACK line"

            for words in [ "2.10.0"; "/nowhere/data"; "/nowhere/weights"; "right"; "MKL"; "-p:Torch=cuda" ] do
                Expect.stringContains ended.Output words "a row"

        testCase "matrix products have the same bits wherever their operands lie in memory"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            torch.manual_seed 5L |> ignore

            for rows, inner, columns in [ 6L, 2048L, 6L; 1L, 512L, 33L; 40L, 1000L, 7L ] do
                let left, right = torch.randn (rows, inner), torch.randn (columns, inner)

                // A copy whose first number lies so many numbers behind a multiple of 64 bytes.
                let moved (values: torch.Tensor) (numbers: int64) =
                    let room = torch.empty (values.numel () + numbers)
                    room.narrow(0L, numbers, values.numel ()).view(values.shape).copy_ values

                let product first second = (torch.mm (moved left first, (moved right second).t())).data<float32>().ToArray()
                let expected = product 0L 0L

                for first, second in [ 1L, 0L; 0L, 1L; 2L, 3L; 4L, 4L; 7L, 5L; 8L, 0L ] do
                    Expect.isTrue (expected = product first second) $"{rows} x {inner} x {columns}, {first} and {second} numbers on"

        testCase "the label of the library in the output folder is read"
        <| fun () ->
            let library = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "libLibTorchSharp.so"))
            Expect.isNotNull (box (VersionLabel.IsWeak(ReadOnlySpan library))) "it asks for the version"
            Expect.isNull (box (VersionLabel.IsWeak(ReadOnlySpan [| 1uy; 2uy |]))) "no library"

        testCase "wrong convolutions: the command runs itself again with AVX, says so, and the record carries it"
        <| fun () ->
            use sandbox = new Sandbox()

            for time in [ "first"; "from the verdict's file" ] do
                let ended = fit sandbox "wide"
                Expect.equal ended.ExitCode 0 $"{time}: {ended.Error}"
                let lines = ended.Error.Split '\n' |> Array.filter _.Contains("ONEDNN_MAX_CPU_ISA=AVX")
                Expect.hasLength lines 1 $"{time}: {ended.Error}"

                Expect.equal
                    [ for record in records sandbox -> record.Environment.Convolutions ]
                    [ "right with ONEDNN_MAX_CPU_ISA=AVX" ]
                    time

                Directory.Delete(sandbox.Run, true)

        testCase "a check that ends its process: convolutions that are products are computed as such, and the record carries it"
        <| fun () ->
            use sandbox = new Sandbox()

            for time in [ "first"; "from the verdict's file" ] do
                let ended = fit sandbox "end"
                Expect.equal ended.ExitCode 0 $"{time}: {ended.Error}"

                Expect.equal
                    [ for record in records sandbox -> record.Environment.Convolutions ]
                    [ "right with 1x1 convolutions as matrix products" ]
                    time

                Directory.Delete(sandbox.Run, true)

        testCase "convolutions that are wrong with AVX too: nothing is trained"
        <| fun () ->
            use sandbox = new Sandbox()
            let ended = fit sandbox "all"
            Expect.equal ended.ExitCode 1 ended.Error
            Expect.stringContains ended.Error "hfae 3x3 3 to 5: gradient of the input" "the layer"
            Expect.isFalse (Directory.Exists(RunRecord.Folder sandbox.Run) && not (List.isEmpty (records sandbox))) "no record"
    ]
