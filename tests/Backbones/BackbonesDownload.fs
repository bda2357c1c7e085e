/// Fetching weights from servers on loopback that behave and that do not.
module Reproduction.Tests.BackbonesDownload

open System
open System.Collections.Concurrent
open System.IO
open System.Net
open System.Net.Sockets
open System.Security.Cryptography
open System.Text
open System.Threading.Tasks
open Expecto
open Reproduction
open Reproduction.Backbones

let private content = Array.init 300_000 (fun i -> byte (i * 7 + i / 251))
let private sha256 (bytes: byte[]) = Convert.ToHexStringLower(SHA256.HashData bytes)

/// What a server sends to the n-th request (from 0) that asks for the bytes from an offset on: raw, so that it can lie.
type private Answer = int -> int -> byte[]

let private response (status: string) (headers: string list) (body: byte[]) =
    let head = String.concat "\r\n" ([ $"HTTP/1.1 {status}"; "Connection: close" ] @ headers @ [ ""; "" ])
    Array.append (Encoding.ASCII.GetBytes head) body

let private whole (bytes: byte[]) = response "200 OK" [ $"Content-Length: {bytes.Length}" ] bytes

let private from offset (bytes: byte[]) =
    response
        "206 Partial Content"
        [ $"Content-Length: {bytes.Length - offset}"; $"Content-Range: bytes {offset}-{bytes.Length - 1}/{bytes.Length}" ]
        bytes[offset..]

/// A server that honours ranges.
let private honest bytes : Answer = fun _ offset -> if offset = 0 then whole bytes else from offset bytes

/// The offset of a request's Range header, 0 without one.
let private offsetOf (stream: NetworkStream) =
    use reader = new StreamReader(stream, Encoding.ASCII, false, 1024, leaveOpen = true)

    let rec headers offset =
        match reader.ReadLine() with
        | null
        | "" -> offset
        | line when line.StartsWith("Range: bytes=", StringComparison.OrdinalIgnoreCase) ->
            headers (int (line["Range: bytes=".Length ..].TrimEnd '-'))
        | _ -> headers offset

    headers 0

/// Runs a server, and a test with the weights to fetch from it, a folder, and the offsets that were asked for.
let private serving (answer: Answer) (expected: string) test =
    let listener = new TcpListener(IPAddress.Loopback, 0)
    let asked = ConcurrentQueue<int>()
    let folder = Directory.CreateTempSubdirectory "fetch-"

    let serve () =
        task {
            try
                while true do
                    use! client = listener.AcceptTcpClientAsync()
                    use stream = client.GetStream()
                    let offset = offsetOf stream
                    let number = asked.Count
                    asked.Enqueue offset

                    try
                        stream.Write(ReadOnlySpan(answer number offset))
                    with :? IOException ->
                        ()
            // Stopped while it waits, or before it began to: a download that needs no server leaves it unasked.
            with
            | :? SocketException
            | :? InvalidOperationException -> ()
        }

    try
        listener.Start()
        let server = Task.Run<unit>(fun () -> serve ())
        let port = (listener.LocalEndpoint :?> IPEndPoint).Port
        let weights = PublishedWeights("resnet18", Uri $"http://127.0.0.1:{port}/resnet18-test.pth", expected, "none")
        test weights folder.FullName (fun () -> List.ofSeq asked)
        listener.Stop()
        server.Wait()
    finally
        listener.Dispose()
        folder.Delete true

let private fetch weights folder =
    WeightsDownload(TimeSpan.FromSeconds 5., attempts = 3).FetchAsync(weights, folder).GetAwaiter().GetResult()

let private target folder = Path.Combine(folder, "resnet18-test.pth")
let private part folder = target folder + ".part"

let private inPlace folder =
    Expect.equal (File.ReadAllBytes(target folder)) content "the file is what the server has"
    Expect.isFalse (File.Exists(part folder)) "nothing is left over"

let private refused weights folder words =
    let error = Expect.throwsC (fun () -> fetch weights folder |> ignore) (fun error -> error)
    Expect.isTrue (error :? UserError) $"an error for the user, not {error}"

    for word: string in words do
        Expect.stringContains error.Message word "the error says what is wrong"

    Expect.isFalse (File.Exists(target folder)) "nothing is put in place"

[<Tests>]
let tests =
    testSequenced
    <| testList "backbones download" [
        testCase "a file is fetched, by the first digits of its sha256"
        <| fun () ->
            serving (honest content) ((sha256 content)[..7]) (fun weights folder asked ->
                Expect.equal (fetch weights folder) (target folder) "its path"
                inPlace folder
                Expect.equal (asked ()) [ 0 ] "one request")

        testCase "a file that is there is not fetched again"
        <| fun () ->
            serving (honest content) (sha256 content) (fun weights folder asked ->
                File.WriteAllBytes(target folder, content)
                fetch weights folder |> ignore
                Expect.equal (asked ()) [] "no request")

        testCase "another file of the name is kept and refused"
        <| fun () ->
            serving (honest content) (sha256 content) (fun weights folder _ ->
                File.WriteAllText(target folder, "mine")
                Expect.throwsT<UserError> (fun () -> fetch weights folder |> ignore) "an error"
                Expect.equal (File.ReadAllText(target folder)) "mine" "untouched")

        testCase "a connection that is cut is taken up where it broke"
        <| fun () ->
            let cut: Answer =
                fun number offset ->
                    let all = honest content number offset in if number < 2 then all[.. all.Length - 1 - 200_000 / (number + 1)] else all

            serving cut (sha256 content) (fun weights folder asked ->
                fetch weights folder |> ignore
                inPlace folder
                Expect.equal (asked ()) [ 0; 100_000; 200_000 ] "each request goes on")

        testCase "a download that gave up goes on at the next call"
        <| fun () ->
            let cut: Answer =
                fun number offset -> if number < 3 then (honest content number offset)[..1000] else honest content number offset

            serving cut (sha256 content) (fun weights folder asked ->
                refused weights folder [ "cannot be fetched"; "Run again"; target folder ]
                fetch weights folder |> ignore
                inPlace folder
                Expect.isTrue (List.last (asked ()) > 0) "the last request went on")

        testCase "a server that knows no ranges sends all again"
        <| fun () ->
            serving (fun _ _ -> whole content) (sha256 content) (fun weights folder _ ->
                File.WriteAllBytes(part folder, content[..999])
                fetch weights folder |> ignore
                inPlace folder)

        testCase "a server that sends another range than the one asked for"
        <| fun () ->
            serving
                (fun number offset -> if number = 0 then from (offset + 5) content else honest content number offset)
                (sha256 content)
                (fun weights folder asked ->
                    File.WriteAllBytes(part folder, content[..999])
                    fetch weights folder |> ignore
                    inPlace folder
                    Expect.equal (asked ()) [ 1000; 0 ] "the second request begins anew")

        testCase "a length that is too short cuts the file, which its sha256 betrays"
        <| fun () ->
            serving (fun _ _ -> response "200 OK" [ "Content-Length: 1000" ] content) (sha256 content) (fun weights folder _ ->
                refused weights folder [ "1000 bytes"; (sha256 content)[..15] ]
                Expect.isFalse (File.Exists(part folder)) "what is wrong is not kept")

        testCase "a length that is too long never ends well"
        <| fun () ->
            let tooLong: Answer =
                fun _ offset ->
                    if offset >= content.Length then
                        response "416 Range Not Satisfiable" [ "Content-Length: 0" ] [||]
                    else
                        response "200 OK" [ $"Content-Length: {content.Length + 1000}" ] content

            serving tooLong (sha256 content) (fun weights folder _ ->
                fetch weights folder |> ignore
                inPlace folder)

        testCase "a wrong file is not kept"
        <| fun () ->
            serving (honest (Array.rev content)) (sha256 content) (fun weights folder _ ->
                refused weights folder [ (sha256 (Array.rev content))[..15] ]
                Expect.isFalse (File.Exists(part folder)) "what is wrong is not kept")

        testCase "a part of another file is found out and dropped"
        <| fun () ->
            serving (honest content) (sha256 content) (fun weights folder _ ->
                File.WriteAllBytes(part folder, Array.zeroCreate 1000)
                refused weights folder [ "sha256" ]
                fetch weights folder |> ignore
                inPlace folder)

        testCase "a server that has no such file"
        <| fun () ->
            serving (fun _ _ -> response "404 Not Found" [ "Content-Length: 0" ] [||]) (sha256 content) (fun weights folder _ ->
                refused weights folder [ "404" ])

        testCase "a server that cannot be reached: how to do it by hand"
        <| fun () ->
            serving (honest content) (sha256 content) (fun weights folder _ ->
                let nobody = PublishedWeights("resnet18", Uri "http://127.0.0.1:1/resnet18-test.pth", "f37072fd", "none")
                refused nobody folder [ "on another machine"; target folder; "f37072fd" ])

        testCase "every published file has an architecture, a pinned sha256 and a name of its own"
        <| fun () ->
            Expect.equal (PublishedWeights.All |> Seq.distinctBy _.FileName |> Seq.length) PublishedWeights.All.Count "names"

            for weights in PublishedWeights.All do
                Expect.equal weights.Url.Scheme "https" weights.FileName
                Expect.isTrue (weights.Sha256.Length = 8 || weights.Sha256.Length = 64) $"{weights.FileName}: digits"
                let described = WeightsFile.Describe("/nowhere/" + weights.FileName)
                Expect.equal described.Architecture weights.Architecture $"{weights.FileName}: its name tells the architecture"
    ]
