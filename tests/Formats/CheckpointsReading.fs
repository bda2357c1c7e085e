/// Weights files of every format: what is in them comes out, and what is wrong with them is said.
module Reproduction.Tests.CheckpointsReading

open System
open System.Buffers.Binary
open System.Collections.Generic
open System.IO
open System.Text
open Expecto
open FsCheck
open FsCheck.FSharp
open TorchSharp
open Reproduction
open Reproduction.Formats

let private golden = Path.Combine(__SOURCE_DIRECTORY__, "..", "golden", "backbones")

let private inFile (bytes: byte[]) test =
    let path = Path.GetTempFileName()

    try
        File.WriteAllBytes(path, bytes)
        test path
    finally
        File.Delete path

let private inNewFile test =
    let path = Path.Combine(Path.GetTempPath(), $"checkpoint-{Guid.NewGuid():N}.safetensors")

    try
        test path
    finally
        File.Delete path

/// The error that opening the bytes and reading all of their tensors ends in.
let private errorOf (bytes: byte[]) =
    inFile bytes (fun path ->
        try
            use checkpoint = Checkpoint.Open path

            for entry in checkpoint.Entries do
                entry.CheckFinite()

            failtest "a damaged file was read without an error"
        with :? UserError as error ->
            Expect.stringContains error.Message path "the error names the file"
            error.Message)

let private fails name bytes parts =
    testCase name (fun () ->
        let message = errorOf (bytes ())

        for part: string in parts do
            Expect.stringContains message part "the error says what is wrong")

/// The safetensors bytes of a JSON header and data.
let private safeTensors (header: string) (data: byte[]) =
    let json = Encoding.UTF8.GetBytes header
    let length = Array.zeroCreate 8
    BinaryPrimitives.WriteInt64LittleEndian(Span length, int64 json.Length)
    Array.concat [ length; json; data ]

let private entry name dtype shape (first: int) (last: int) =
    $"\"%s{name}\":{{\"dtype\":\"%s{dtype}\",\"shape\":%s{shape},\"data_offsets\":[%d{first},%d{last}]}}"

/// What make_checkpoints.py put into the n-th tensor: (i + 10 n) / 4, or i + 10 n for integers.
let private expected = [
    "single", ElementType.Float32, [ 2L; 3L ], 0
    "half", ElementType.Float16, [ 2L; 3L ], 1
    "brain", ElementType.BFloat16, [ 2L; 3L ], 2
    "long", ElementType.Int64, [ 2L; 3L ], 3
    "double", ElementType.Float64, [ 2L; 3L ], 4
    "transposed", ElementType.Float32, [ 3L; 2L ], 5
    "shared.first", ElementType.Float32, [ 2L; 3L ], 6
    "shared.second", ElementType.Float32, [ 2L; 3L ], 7
    "channels_last", ElementType.Float32, [ 1L; 3L; 2L; 2L ], 8
    "scalar", ElementType.Int64, [], 9
    "empty", ElementType.Float32, [ 0L; 3L ], 10
    "parameter", ElementType.Float32, [ 2L; 3L ], 11
    "byte", ElementType.UInt8, [ 2L; 3L ], 12
]

let private value (kind: ElementType) n i = if kind.IsFloatingPoint() then float32 (i + 10 * n) / 4f else float32 (i + 10 * n)

let private holdsWhatPyTorchSaved file format =
    testCase $"{file} holds what PyTorch saved" (fun () ->
        use checkpoint = Checkpoint.Open(Path.Combine(golden, file))
        Expect.equal checkpoint.Format format "the format"
        Expect.equal checkpoint.Entries.Count (expected.Length + 1) "the number of tensors"

        for name, kind, shape, n in expected do
            let entry = checkpoint.Entries |> Seq.find (fun entry -> entry.Name = name)
            Expect.equal entry.Type kind $"{name}: type"
            Expect.equal (List.ofSeq entry.Shape) shape $"{name}: shape"
            let count = int (List.fold (*) 1L shape)
            Expect.equal (entry.ReadSingles()) (Array.init count (value kind n)) $"{name}: values"

        let flags = checkpoint.Entries |> Seq.find (fun entry -> entry.Name = "bool")
        Expect.equal (flags.ReadSingles()) [| 1f; 0f; 1f |] "bool: values")

let private bytesOf file = File.ReadAllBytes(Path.Combine(golden, file))

/// The file with the first occurrence of some bytes replaced by as many others.
let private patched file (before: byte[]) (after: byte[]) () =
    let bytes = bytesOf file
    let at = bytes.AsSpan().IndexOf(before.AsSpan())
    if at < 0 then failtest $"{file} has no such bytes"
    after.CopyTo(bytes, at)
    bytes

let private ascii (text: string) = Encoding.ASCII.GetBytes text

/// A legacy torch file whose state dict is the given opcodes.
let private legacy (opcodes: byte[]) =
    let magic = [|
        0x80uy
        2uy
        0x8auy
        10uy
        0x6cuy
        0xfcuy
        0x9cuy
        0x46uy
        0xf9uy
        0x20uy
        0x6auy
        0xa8uy
        0x50uy
        0x19uy
        byte '.'
    |]

    let protocol = [| 0x80uy; 2uy; byte 'M'; 0xe9uy; 3uy; byte '.' |]
    let system = [| 0x80uy; 2uy; byte '}'; byte '.' |]
    Array.concat [ magic; protocol; system; [| 0x80uy; 2uy |]; opcodes; [| byte '.'; 0x80uy; 2uy; byte ']'; byte '.' |] ]

let private darknetHeader =
    Array.concat [ BitConverter.GetBytes 0; BitConverter.GetBytes 2; BitConverter.GetBytes 0; BitConverter.GetBytes 0L ]

let private oneTensor = safeTensors ("{" + entry "a" "F32" "[2]" 0 8 + "}") (Array.zeroCreate 8)

let private reading =
    testList "reading" [
        holdsWhatPyTorchSaved "zip.pth" CheckpointFormat.TorchZip
        holdsWhatPyTorchSaved "legacy.pth" CheckpointFormat.TorchLegacy
        holdsWhatPyTorchSaved "zip_wrapped.pth" CheckpointFormat.TorchZip
        holdsWhatPyTorchSaved "legacy_wrapped.pth" CheckpointFormat.TorchLegacy

        testCase "a module's own state dict, with its metadata"
        <| fun () ->
            use checkpoint = Checkpoint.Open(Path.Combine(golden, "module.pth"))

            Expect.equal
                [ for entry in checkpoint.Entries -> entry.Name ]
                [ "0.weight"; "0.bias"; "1.weight"; "1.bias"; "1.running_mean"; "1.running_var"; "1.num_batches_tracked" ]
                "names"

        testCase "safetensors: metadata, tensors in any order, an empty tensor"
        <| fun () ->
            let header =
                "{\"__metadata__\":{\"k\":\"v\"},"
                + entry "b" "I64" "[1]" 8 16
                + ","
                + entry "e" "F32" "[0,4]" 8 8
                + ","
                + entry "a" "F32" "[2]" 0 8
                + "}"

            let data = Array.concat [ BitConverter.GetBytes 1.5f; BitConverter.GetBytes -2f; BitConverter.GetBytes 7L ]

            inFile (safeTensors header data) (fun path ->
                use checkpoint = Checkpoint.Open path
                Expect.equal checkpoint.Metadata["k"] "v" "metadata"

                Expect.equal
                    [ for entry in checkpoint.Entries -> entry.Name, List.ofArray (entry.ReadSingles()) ]
                    [ "b", [ 7f ]; "e", []; "a", [ 1.5f; -2f ] ]
                    "values")

        testCase "darknet: a header of either width, the layers in their order"
        <| fun () ->
            let old = Array.concat [ BitConverter.GetBytes 0; BitConverter.GetBytes 1; BitConverter.GetBytes 0; BitConverter.GetBytes 0 ]
            let first = Array.concat [ for i in 0 .. 32 * 4 + 32 * 27 - 1 -> BitConverter.GetBytes(float32 i) ]

            for header in [ darknetHeader; old ] do
                inFile (Array.append header first) (fun path ->
                    use checkpoint = Checkpoint.Open path

                    Expect.equal
                        [ for entry in checkpoint.Entries -> entry.Name, int (entry.ReadSingles()[0]) ]
                        [
                            "layers.0.bn.bias", 0
                            "layers.0.bn.weight", 32
                            "layers.0.bn.running_mean", 64
                            "layers.0.bn.running_var", 96
                            "layers.0.conv.weight", 128
                        ]
                        "names and first values")
    ]

let private writing =
    testSequenced
    <| testList "writing" [
        testCase "what is written is read, of every type, from any layout"
        <| fun () ->
            use _ = torch.NewDisposeScope()
            let plain = torch.arange(24).reshape(2, 3, 4)

            let tensors =
                dict [
                    "float", plain.``to`` (torch.float32)
                    "transposed", plain.``to``(torch.float32).permute(2, 0, 1)
                    "half", plain.``to`` (torch.float16)
                    "brain", plain.``to`` (torch.bfloat16)
                    "long", plain
                    "byte", plain.``to`` (torch.uint8)
                    "part", plain.``to``(torch.float32).narrow(0, 1, 1)
                    "empty", torch.zeros (0L, 3L)
                ]

            inNewFile (fun path ->
                SafeTensors.Write(path, Dictionary tensors, dict [ "who", "test" ] |> Dictionary)
                let struct (read, metadata) = SafeTensors.Read path
                Expect.equal metadata["who"] "test" "metadata"
                Expect.equal (Seq.sort read.Keys |> List.ofSeq) (Seq.sort tensors.Keys |> List.ofSeq) "names"

                for KeyValue(name, tensor) in tensors do
                    Expect.equal read[name].dtype tensor.dtype $"{name}: type"
                    Expect.equal read[name].shape tensor.shape $"{name}: shape"
                    Expect.isTrue (read[name].Equals(tensor: torch.Tensor)) $"{name}: values")

        testCase "equal tensors give equal bytes, aligned"
        <| fun () ->
            use _ = torch.NewDisposeScope()
            let tensors names = dict [ for name: string in names -> name, torch.ones (3) ] |> Dictionary

            inNewFile (fun first ->
                inNewFile (fun second ->
                    SafeTensors.Write(first, tensors [ "a"; "b" ])
                    SafeTensors.Write(second, tensors [ "b"; "a" ])
                    let bytes = File.ReadAllBytes first
                    Expect.equal bytes (File.ReadAllBytes second) "the order of the dictionary does not matter"
                    Expect.equal (BinaryPrimitives.ReadInt64LittleEndian(ReadOnlySpan bytes) % 8L) 0L "the data begin at a multiple of 8"))
    ]

let private damaged =
    testList "damaged files" [
        fails "an empty file" (fun () -> [||]) [ "neither safetensors" ]
        fails "a text file" (fun () -> ascii "these are no weights, at all") [ "neither safetensors" ]
        fails "safetensors: a header longer than the file" (fun () -> Array.concat [ BitConverter.GetBytes 4000L; oneTensor[8..] ]) [
            "truncated"
            "4000"
        ]
        fails "safetensors: a header of gigabytes" (fun () -> Array.concat [ BitConverter.GetBytes(1L <<< 40); oneTensor[8..] ]) [
            "header of"
        ]
        fails "safetensors: truncated data" (fun () -> oneTensor[.. oneTensor.Length - 2]) [ "truncated"; "a ends" ]
        fails "safetensors: data too long" (fun () -> Array.append oneTensor [| 0uy |]) [ "take 8 bytes, the file has 9" ]
        fails
            "safetensors: overlapping tensors"
            (fun () -> safeTensors ("{" + entry "a" "F32" "[2]" 0 8 + "," + entry "b" "F32" "[2]" 4 12 + "}") (Array.zeroCreate 12))
            [ "b overlaps" ]
        fails
            "safetensors: a gap"
            (fun () -> safeTensors ("{" + entry "a" "F32" "[1]" 0 4 + "," + entry "b" "F32" "[1]" 8 12 + "}") (Array.zeroCreate 12))
            [ "gap of 4 bytes before b" ]
        fails "safetensors: shape and range disagree" (fun () -> safeTensors ("{" + entry "a" "F32" "[3]" 0 8 + "}") (Array.zeroCreate 8)) [
            "a has the shape [3]"
        ]
        let overflowing = entry "a" "F32" "[4611686018427387904,4]" 0 0

        fails "safetensors: a shape that overflows" (fun () -> safeTensors ("{" + overflowing + "}") [||]) [ "do not agree" ]
        fails "safetensors: a negative length" (fun () -> safeTensors ("{" + entry "a" "F32" "[-1]" 0 0 + "}") [||]) [ "natural number" ]

        fails
            "safetensors: a name twice"
            (fun () -> safeTensors ("{" + entry "a" "F32" "[1]" 0 4 + "," + entry "a" "F32" "[1]" 4 8 + "}") (Array.zeroCreate 8))
            [ "two tensors a" ]

        fails "safetensors: an unknown type" (fun () -> safeTensors ("{" + entry "a" "F8_E4M3" "[1]" 0 1 + "}") [| 0uy |]) [ "F8_E4M3" ]

        fails
            "safetensors: NaN"
            (fun () ->
                safeTensors ("{" + entry "a" "F32" "[2]" 0 8 + "}") (Array.append (BitConverter.GetBytes 1f) (BitConverter.GetBytes nanf)))
            [ "a holds NaN at element 1" ]

        fails "safetensors: a half infinity" (fun () -> safeTensors ("{" + entry "a" "F16" "[1]" 0 2 + "}") [| 0uy; 0x7cuy |]) [
            "a holds"
            "at element 0"
        ]

        fails "zip: truncated" (fun () -> (bytesOf "zip.pth")[..2999]) [ "truncated"; "no directory" ]

        fails
            "zip: a record that claims to be compressed"
            (fun () ->
                let bytes = bytesOf "zip.pth"
                let at = bytes.AsSpan().IndexOf(ReadOnlySpan [| 0x50uy; 0x4buy; 1uy; 2uy |])
                bytes[at + 10] <- 8uy
                bytes[at + 24] <- 255uy
                bytes)
            [ "is compressed" ]

        fails "zip: a storage that is missing" (patched "zip.pth" (ascii "zip/data/0PK") (ascii "zip/data/xPK")) []
        fails "legacy: truncated in the storages" (fun () -> let bytes = bytesOf "legacy.pth" in bytes[.. bytes.Length - 9]) [ "truncated" ]
        fails "legacy: truncated in the pickle" (fun () -> (bytesOf "legacy.pth")[..399]) [ "truncated" ]

        fails
            "a global outside the list"
            (fun () -> legacy (Array.concat [ ascii "cposix\nsystem\n"; ascii "("; [| byte 'X'; 2uy; 0uy; 0uy; 0uy |]; ascii "idtR" ]))
            [ "posix.system" ]

        fails
            "a global by name and stack"
            (fun () -> legacy (Array.concat [ [| 0x8cuy; 8uy |]; ascii "builtins"; [| 0x8cuy; 4uy |]; ascii "eval"; [| 0x93uy |] ]))
            [ "builtins.eval" ]

        fails "an opcode outside the list" (fun () -> legacy (ascii "(iposix\nsystem\n")) [ "INST" ]
        fails "an object of a class" (fun () -> legacy (Array.concat [ ascii "ccollections\nOrderedDict\n)"; [| 0x81uy |] ])) [ "NEWOBJ" ]
        fails "a call of something that is no function" (fun () -> legacy (ascii "K\001)R")) [ "calls" ]
        fails "a dictionary with a key twice" (fun () -> legacy (ascii "}(U\001aK\001U\001aK\002u")) [ "names a twice" ]
        fails "an object that was not stored" (fun () -> legacy (ascii "h\007")) [ "recalls object 7" ]
        fails "an empty stack" (fun () -> legacy (ascii "aa")) [ "stack" ]
        fails "a string longer than the file" (fun () -> legacy [| byte 'X'; 255uy; 255uy; 255uy; 127uy |]) [ "more objects" ]
        fails "no state dict" (fun () -> legacy (ascii "K\001")) [ "no state dict" ]
        fails "a state dict without tensors" (fun () -> legacy (ascii "}U\005epochK\001s")) [ "no tensors"; "epoch" ]
        fails "a state dict within itself" (fun () -> legacy (ascii "}q\000U\005modelh\000s")) [ "no tensors" ]
        fails "darknet: truncated in a layer" (fun () -> Array.append darknetHeader (Array.zeroCreate 100)) [ "truncated"; "layer 0" ]

        testCase "a missing file"
        <| fun () -> Expect.throwsT<UserError> (fun () -> (Checkpoint.Open "/nowhere/weights.pth").Dispose()) "an error for the user"
    ]

/// A tensor of the legacy form whose storage has 4 floats.
let private legacyTensor offset (shape: int list) (strides: int list) =
    let text (s: string) = Array.append [| byte 'X'; byte s.Length; 0uy; 0uy; 0uy |] (ascii s)
    let number (n: int) = Array.append [| byte 'J' |] (BitConverter.GetBytes n)
    let tuple numbers = Array.concat [ ascii "("; Array.concat (List.map number numbers); ascii "t" ]
    let storage = Array.concat [ ascii "("; text "storage"; ascii "ctorch\nFloatStorage\n"; text "0"; text "cpu"; number 4; ascii "NtQ" ]

    let tensor =
        Array.concat [
            ascii "ctorch._utils\n_rebuild_tensor_v2\n("
            storage
            number offset
            tuple shape
            tuple strides
            [| 0x89uy |]
            ascii "}tR"
        ]

    let head = legacy (Array.concat [ ascii "}"; text "a"; tensor; ascii "s" ])
    let keys = Array.concat [ [| 0x80uy; 2uy |]; ascii "]"; text "0"; ascii "a." ]
    Array.concat [ head[.. head.Length - 5]; keys; BitConverter.GetBytes 4L; Array.zeroCreate 16 ]

let private placement =
    testList "places in a storage" [
        testCase "a tensor within its storage is read"
        <| fun () ->
            inFile (legacyTensor 0 [ 2; 2 ] [ 2; 1 ]) (fun path ->
                use checkpoint = Checkpoint.Open path in Expect.equal (checkpoint.Entries[0].ReadSingles()) (Array.zeroCreate 4) "zeros")
        fails "an offset beyond the storage" (fun () -> legacyTensor 1 [ 2; 2 ] [ 2; 1 ]) [ "a of shape [2, 2] reaches beyond" ]
        fails "a stride beyond the storage" (fun () -> legacyTensor 0 [ 2; 2 ] [ 3; 1 ]) [ "reaches beyond" ]
        fails "a stride that overflows" (fun () -> legacyTensor 0 [ Int32.MaxValue; Int32.MaxValue ] [ Int32.MaxValue; Int32.MaxValue ]) [
            "reaches beyond"
        ]
        fails "a stride of 0 that repeats elements" (fun () -> legacyTensor 0 [ 1000000; 4 ] [ 0; 1 ]) [ "repeats elements" ]
        fails "a negative stride" (fun () -> legacyTensor 3 [ 4 ] [ -1 ]) [ "natural number" ]
        fails "shape and strides of different length" (fun () -> legacyTensor 0 [ 2; 2 ] [ 1 ]) [ "2 lengths and 1 strides" ]
    ]

[<Tests>]
let tests = testList "checkpoints" [ reading; writing; damaged; placement ]
