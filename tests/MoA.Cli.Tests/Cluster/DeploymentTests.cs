using k8s;
using k8s.Models;

namespace MoA.Tests.Cluster;

/// <summary>The examples for Kubernetes and Slurm fit what they are for.</summary>
public sealed class DeploymentTests
{
    [Theory]
    [InlineData("access.yaml", 5)]
    [InlineData("workers.yaml", 1)]
    [InlineData("servers.yaml", 2)]
    public void Manifests_are_of_Kubernetes_own_types(string name, int objects)
    {
        List<object> read = KubernetesYaml.LoadAllFromString(File.ReadAllText(Manifest(name)), strict: true);
        Assert.Equal(objects, read.Count);
        Assert.All(read, each => Assert.Equal("moa", ((IMetadata<V1ObjectMeta>)each).Metadata.NamespaceProperty));
        foreach (V1Deployment deployment in read.OfType<V1Deployment>())
        {
            V1PodSpec pod = deployment.Spec.Template.Spec;
            Assert.Equal(deployment.Spec.Selector.MatchLabels["app"], deployment.Spec.Template.Metadata.Labels["app"]);
            V1Container container = Assert.Single(pod.Containers);
            string[] variables = [.. container.Env.Select(variable => variable.Name)];
            foreach (string needed in new[] { "MOA_CLUSTER", "MOA_CLUSTER_SECRET", "POD_NAME", "POD_NAMESPACE", "POD_IP", "ORLEANS_CLUSTER_ID", "ORLEANS_SERVICE_ID" })
                Assert.Contains(needed, variables);
            int stop = int.Parse(container.Args[container.Args.IndexOf("--stop-timeout") + 1], System.Globalization.CultureInfo.InvariantCulture);
            Assert.True(pod.TerminationGracePeriodSeconds > stop, "a pod is killed before its member has left");
        }

        foreach (V1Container container in read.OfType<V1Deployment>().Select(each => each.Spec.Template.Spec).Concat(read.OfType<V1Job>().Select(each => each.Spec.Template.Spec))
            .SelectMany(pod => pod.Containers))
        {
            Assert.Null(CommandTree.ProblemOf([.. container.Args]));
        }
    }

    [Theory]
    [InlineData("workers.sbatch")]
    [InlineData("compress.sbatch")]
    public void Scripts_for_Slurm_are_scripts_of_bash(string name)
    {
        if (OperatingSystem.IsWindows())
            return;
        using ChildProcess bash = ChildProcess.Launch("bash", ["-n", Path.Combine(RepositoryFiles.Root, "deploy", "slurm", name)]);
        Invocation checkedScript = bash.WaitForEnd();
        Assert.Equal((0, ""), (checkedScript.ExitCode, checkedScript.Error));
    }

    private static string Manifest(string name) => Path.Combine(RepositoryFiles.Root, "deploy", "kubernetes", name);
}
