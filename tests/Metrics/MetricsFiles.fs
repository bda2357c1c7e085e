/// .npy files, and `repro metrics` over them.
module Reproduction.Tests.MetricsFiles

open System
open System.CommandLine
open System.IO
open System.Text
open System.Text.Json
open Expecto
open Reproduction
open Repro.Verbs
open Reproduction.Formats
open Reproduction.Metrics
open Reproduction.Tests.Bench

let private golden name = Path.Combine(__SOURCE_DIRECTORY__, "..", "golden", "metrics", name)

let private write path (values: 'T[]) (shape: int[]) = Npy.Write(path, ReadOnlySpan values, ReadOnlySpan shape)

/// A .npy file of any version and header around the given bytes.
let private writeRaw path version (header: string) (data: byte[]) =
    let text = Encoding.UTF8.GetBytes(header + "\n")
    let length = if version = 1 then BitConverter.GetBytes(uint16 text.Length) else BitConverter.GetBytes(uint32 text.Length)
    File.WriteAllBytes(path, Array.concat [ [| 0x93uy |]; "NUMPY"B; [| byte version; 0uy |]; length; text; data ])

let private failsWith (parts: string list) body =
    try
        body ()
        failtest "an error was expected"
    with :? UserError as error ->
        for part in parts do
            Expect.stringContains error.Message part "the message"

let private readFails path parts = failsWith (path :: parts) (fun () -> Npy.Read<float32> path |> ignore)

let private roundTrip (values: 'T[]) =
    inFolder
        (fun file ->
            let path = file "a.npy"
            write path values [| values.Length |]
            let read = Npy.Read<'T> path
            Expect.equal read.Values values "values"
            Expect.equal read.Shape [| values.Length |] "shape")
        ()

let private run (arguments: string list) =
    let output, error = new StringWriter(), new StringWriter()
    let configuration = InvocationConfiguration(Output = output, Error = error, EnableDefaultExceptionHandler = false)
    let exitCode = MetricsVerb.Create().Parse(arguments).Invoke configuration
    exitCode, output.ToString(), error.ToString()

let private measure arguments =
    let exitCode, output, error = run arguments
    Expect.equal (exitCode, error) (0, "") "success without a word on standard error"
    JsonDocument.Parse(output).RootElement

let private goldenArguments = [ "--maps"; golden "maps.npy"; "--masks"; golden "masks.npy" ]

[<Tests>]
let tests =
    testList "metrics.files" [
        testList "npy" [
            testProperty "float32 survives writing and reading" (fun (values: float32[]) ->
                let finite = values |> Array.filter (Single.IsNaN >> not)
                roundTrip finite)
            testProperty "float64" (fun (values: float[]) -> values |> Array.filter (Double.IsNaN >> not) |> roundTrip)
            testProperty "uint8" (fun (values: byte[]) -> roundTrip values)
            testProperty "int32" (fun (values: int[]) -> roundTrip values)
            testProperty "int64" (fun (values: int64[]) -> roundTrip values)

            testCase "more than one block" <| fun () -> roundTrip (Array.init 700_001 float32)

            testCase "what NumPy wrote in Fortran order, as float64, and in big-endian order"
            <| fun () ->
                let expected = Npy.Read<float32>(golden "maps.npy")
                Expect.equal expected.Shape [| 5; 24; 32 |] "shape"

                for name, storedType in [ "maps_fortran_f8.npy", "float64"; "maps_big_endian.npy", "float32" ] do
                    let read = Npy.Read<float32>(golden name)
                    Expect.equal (read.Shape, read.StoredType) (expected.Shape, storedType) name
                    Expect.equal read.Values expected.Values name

            testCase "every other number type, in versions 1 to 3"
            <| inFolder (fun file ->
                for version in 1..3 do
                    for descriptor, data in
                        [
                            "|b1", [| 0uy; 1uy |]
                            "|u1", [| 0uy; 1uy |]
                            "|i1", [| 0uy; 1uy |]
                            ">u2", [| 0uy; 0uy; 0uy; 1uy |]
                            "<i8", Array.append (BitConverter.GetBytes 0L) (BitConverter.GetBytes 1L)
                            "<f2", Array.append (BitConverter.GetBytes(Half.Zero)) (BitConverter.GetBytes(Half.One))
                        ] do
                        let path = file "a.npy"
                        writeRaw path version $"{{'descr': '{descriptor}', 'fortran_order': False, 'shape': (2,), }}" data
                        Expect.equal (Npy.Read<float32>(path).Values) [| 0f; 1f |] $"{descriptor}, version {version}")

            testCase "a scalar and an empty array"
            <| inFolder (fun file ->
                writeRaw (file "s.npy") 1 "{'descr': '<f4', 'fortran_order': False, 'shape': (), }" (BitConverter.GetBytes 2.5f)
                let scalar = Npy.Read<float32>(file "s.npy")
                Expect.equal (scalar.Values, scalar.Shape) ([| 2.5f |], [||]) "scalar"
                write (file "e.npy") Array.empty<float32> [| 0; 4; 4 |]
                let empty = Npy.Read<float32>(file "e.npy")
                Expect.equal (empty.Values, empty.Shape) ([||], [| 0; 4; 4 |]) "empty")

            testCase "masks are zero and one, from bool and from any integer"
            <| inFolder (fun file ->
                let expected = [| 0uy; 1uy; 1uy |]
                writeRaw (file "b.npy") 1 "{'descr': '|b1', 'fortran_order': False, 'shape': (3,), }" [| 0uy; 1uy; 1uy |]
                write (file "u.npy") [| 0uy; 255uy; 3uy |] [| 3 |]
                // 256 has a zero low byte.
                write (file "i.npy") [| 0; 256; -1 |] [| 3 |]

                for name in [ "b.npy"; "u.npy"; "i.npy" ] do
                    Expect.equal (Npy.ReadMask(file name).Values) expected name

                write (file "f.npy") [| 0f; 1f |] [| 2 |]
                failsWith [ "f.npy"; "float32"; "uint8" ] (fun () -> Npy.ReadMask(file "f.npy") |> ignore))

            testCase "broken files are refused with their name and the reason"
            <| inFolder (fun file ->
                let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"
                let raw name version header length = writeRaw (file name) version header (Array.zeroCreate length)
                readFails (file "missing.npy") [ "cannot be opened" ]
                File.WriteAllText(file "text.npy", "not an array")
                readFails (file "text.npy") [ "not a .npy file" ]
                raw "short.npy" 1 header 20
                readFails (file "short.npy") [ "cut short"; "24 bytes"; "20" ]
                raw "long.npy" 1 header 28
                readFails (file "long.npy") [ "4 bytes behind" ]
                raw "version.npy" 9 header 24
                readFails (file "version.npy") [ "version 9" ]
                raw "object.npy" 1 (header.Replace("<f4", "|O")) 24
                readFails (file "object.npy") [ "|O" ]
                raw "complex.npy" 1 (header.Replace("<f4", "<c8")) 48
                readFails (file "complex.npy") [ "<c8" ]
                raw "struct.npy" 1 (header.Replace("'<f4'", "[('x', '<f4')]")) 24
                readFails (file "struct.npy") [ "('x', '<f4')" ]
                raw "shapeless.npy" 1 "{'descr': '<f4', 'fortran_order': False}" 24
                readFails (file "shapeless.npy") [ "header" ]
                raw "huge.npy" 1 (header.Replace("(2, 3)", "(100000, 100000, 100000)")) 24
                readFails (file "huge.npy") [ "elements" ]
                File.WriteAllBytes(file "stub.npy", File.ReadAllBytes(file "short.npy")[..20])
                readFails (file "stub.npy") [ "header" ]
                write (file "wide.npy") [| 300 |] [| 1 |]
                failsWith [ "wide.npy"; "300" ] (fun () -> Npy.Read<byte>(file "wide.npy") |> ignore)
                failsWith [ "short.npy" ] (fun () -> Npy.Read<int>(file "short.npy") |> ignore))

            testCase "a shape that does not hold the values is not written"
            <| inFolder (fun file ->
                let unfit () = write (file "a.npy") [| 1f; 2f |] [| 3 |]
                Expect.throwsT<ArgumentException> unfit "shape"
                Expect.isFalse (File.Exists(file "a.npy")) "nothing is left behind")

            testCase "a folder that is not there is named"
            <| inFolder (fun file ->
                let path = Path.Combine(file "none", "a.npy")
                failsWith [ path; "cannot be written" ] (fun () -> write path [| 1f |] [| 1 |]))
        ]

        testList "repro metrics" [
            testCase "prints scikit-learn's and scikit-image's values"
            <| fun () ->
                let actual = measure goldenArguments
                use document = JsonDocument.Parse(File.ReadAllText(golden "golden.json"))
                let names = [ for entry in actual.EnumerateObject() -> entry.Name ]
                Expect.equal names (List.append (List.ofSeq Evaluation.Names) [ "undefined" ]) "names in order"
                Expect.isEmpty (actual.GetProperty("undefined").EnumerateObject()) "all are defined"

                for entry in document.RootElement.GetProperty("maps").EnumerateObject() do
                    let close = Expect.floatClose { absolute = 1e-9; relative = 0.0 }
                    close (actual.GetProperty(entry.Name).GetDouble()) (entry.Value.GetDouble()) entry.Name

            testCase "takes image scores and another limit"
            <| inFolder (fun file ->
                write (file "s.npy") [| 1f; 2f; 3f; 0f; 5f |] [| 5 |]
                let actual = measure (goldenArguments @ [ "--scores"; file "s.npy"; "--fpr-limit"; "0.05" ])
                // The normal image, the last, scores highest.
                Expect.equal (actual.GetProperty("image_auroc").GetDouble()) 0.0 "image AUROC"
                use document = JsonDocument.Parse(File.ReadAllText(golden "golden.json"))
                let expected = document.RootElement.GetProperty("aupro_at_limit").GetProperty("0.05").GetDouble()
                Expect.floatClose { absolute = 1e-9; relative = 0.0 } (actual.GetProperty("aupro").GetDouble()) expected "AUPRO")

            testCase "prints null and a reason for what is undefined"
            <| inFolder (fun file ->
                write (file "masks.npy") (Array.zeroCreate<byte>(5 * 24 * 32)) [| 5; 24; 32 |]
                let actual = measure [ "--maps"; golden "maps.npy"; "--masks"; file "masks.npy" ]

                for name in Evaluation.Names do
                    if name = "regions" then
                        Expect.equal (actual.GetProperty(name).GetInt32()) 0 name
                    else
                        Expect.equal (actual.GetProperty(name).ValueKind) JsonValueKind.Null name
                        let reason = actual.GetProperty("undefined").GetProperty(name).GetString() |> string
                        Expect.stringContains reason "anomalous" name

                let values = Npy.Read<float32>(golden "maps.npy").Values
                values[24 * 32 + 33] <- nanf
                write (file "maps.npy") values [| 5; 24; 32 |]
                let broken = measure [ "--maps"; file "maps.npy"; "--masks"; golden "masks.npy" ]
                Expect.equal (broken.GetProperty("aupro").ValueKind) JsonValueKind.Null "AUPRO of NaN"
                let reason = broken.GetProperty("undefined").GetProperty("aupro").GetString() |> string
                Expect.stringContains reason "map 1 holds NaN at row 1, column 1" "where it is"
                Expect.equal (broken.GetProperty("image_auroc").ValueKind) JsonValueKind.Null "an image score of NaN")

            testCase "prints null for files without a map or a pixel"
            <| inFolder (fun file ->
                for shape in [ [| 0; 4; 4 |]; [| 3; 0; 4 |] ] do
                    write (file "maps.npy") Array.empty<float32> shape
                    write (file "masks.npy") Array.empty<byte> shape
                    let actual = measure [ "--maps"; file "maps.npy"; "--masks"; file "masks.npy" ]

                    for name in Evaluation.Names do
                        Expect.equal (actual.GetProperty(name).ValueKind) JsonValueKind.Null name
                        let reason = actual.GetProperty("undefined").GetProperty(name).GetString() |> string
                        Expect.stringContains reason "there are no" name)

            testCase "says so when float64 maps are rounded"
            <| fun () ->
                let exitCode, output, error = run [ "--maps"; golden "maps_fortran_f8.npy"; "--masks"; golden "masks.npy" ]
                Expect.equal exitCode 0 "success"
                Expect.stringContains error "float64" "the warning"
                let _, expected, _ = run goldenArguments
                Expect.equal output expected "the same values"

            testCase "refuses files that do not fit together"
            <| inFolder (fun file ->
                write (file "masks.npy") [| 0uy; 1uy |] [| 1; 1; 2 |]
                write (file "flat.npy") [| 0f; 1f |] [| 2 |]
                let fails arguments parts = failsWith parts (fun () -> run arguments |> ignore)
                fails [ "--maps"; golden "maps.npy"; "--masks"; file "masks.npy" ] [ "masks.npy"; "[1,1,2]"; "[5,24,32]" ]
                fails [ "--maps"; file "flat.npy"; "--masks"; file "masks.npy" ] [ "flat.npy"; "[2]"; "[N,H,W]" ]
                fails (goldenArguments @ [ "--scores"; file "flat.npy" ]) [ "flat.npy"; "2 scores for 5 maps" ]
                fails [ "--maps"; file "none.npy"; "--masks"; file "masks.npy" ] [ "none.npy" ])

            testCase "refuses wrong arguments before it reads anything"
            <| fun () ->
                for arguments in
                    [
                        [ "--maps"; golden "maps.npy" ]
                        goldenArguments @ [ "--fpr-limit"; "0" ]
                        goldenArguments @ [ "--fpr-limit"; "1.5" ]
                        goldenArguments @ [ "--fpr-limit"; "much" ]
                        goldenArguments @ [ "--unknown" ]
                    ] do
                    Expect.isNonEmpty (MetricsVerb.Create().Parse(arguments).Errors) $"%A{arguments}"
        ]
    ]
